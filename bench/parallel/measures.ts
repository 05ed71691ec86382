import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import type { GatewayUnderTest } from './gateway-under-test.ts'

const run = promisify(execFile)
const script = join(import.meta.dirname, 'measure-clusters.py')
/** Of one measure. One that takes longer counts as broken. */
const withinMs = 150_000

/** Seconds by name, as measure-clusters.py gives them. */
export type Figures = Readonly<Record<string, number>>
/** What measure-clusters.py can measure, in this order. */
export const measures = ['one', 'workers', 'adapt', 'many'] as const
export type Measure = (typeof measures)[number]

/** Runs one measure by a client in the environment of the gateway's schedulers. Throws with what the client says last of an error. */
export async function measureClusters(
  { clientEnvironment }: GatewayUnderTest,
  measure: Measure,
  prefix: string,
): Promise<Figures> {
  const { stdout } = await run(join(prefix, 'bin', 'python'), ['-I', script, measure], {
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/root', ...clientEnvironment },
    timeout: withinMs,
    killSignal: 'SIGKILL',
  }).catch((error: Error & { killed?: boolean; stderr?: string }) => {
    throw new Error(error.killed ? `not within ${withinMs / 1000} s` : findReason(error))
  })
  return JSON.parse(stdout) as Figures
}

/** Complaints about what was left open can follow the traceback that says why. */
function findReason({ stderr = '', message }: { stderr?: string; message: string }): string {
  const lines = stderr.trimEnd().split('\n')
  return lines.findLast((line) => /^[\w.]*(Error|Exception|Exit)\b/.test(line)) ?? lines.at(-1) ?? message
}
