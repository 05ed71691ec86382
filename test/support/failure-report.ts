/**
 * A reporter of Node's test runner that keeps what failed, a line of JSON each: to be shown once more after everything else, since the
 * logs of a long run are often cut to their end, and to be run again.
 */
import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'

export interface Failure {
  /** From the folder that tests are run in. */
  file: string
  /** With those of the suites around it. */
  name: string
  reason: string
}

/** A diff of two long values says enough in its beginning. */
const maximumReasonLines = 25

/** A suite fails with its tests, and tests with a suite that could not go on. */
const toldElsewhere = new Set<unknown>(['subtestsFailed', 'cancelledByParent'])

// biome-ignore lint/style/noDefaultExport: it is what Node loads of a reporter
export default async function* reportFailures(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const names: string[] = []
  for await (const { type, data } of events) {
    if (type === 'test:start') names.splice(data.nesting, Infinity, data.name)
    if (type !== 'test:fail') continue
    const { error } = data.details
    if ('failureType' in error && toldElsewhere.has(error.failureType)) continue
    const failure: Failure = {
      // The one that was run: `file` can be a suite that several of them have in common.
      file: relative(process.cwd(), data.entryFile ?? data.file ?? ''),
      name: [...names.slice(0, data.nesting), data.name].join(' › '),
      reason: describeReason(error),
    }
    yield `${JSON.stringify(failure)}\n`
  }
}

/** For people. */
export function describeFailure({ file, name, reason }: Failure): string {
  return `✖ ${name}\n  ${file}\n${reason.replaceAll(/^/gm, '    ')}\n`
}

function describeReason({ cause, message }: Error): string {
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? message)
  const lines = text.split('\n').filter((line) => !line.includes('node:'))
  return lines.slice(0, maximumReasonLines).join('\n')
}
