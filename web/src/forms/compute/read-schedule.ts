import { CommandLineError, parseCommand } from '@atrium/contract/command-line.ts'
import type { ScheduleRequest, ScheduleView } from '@atrium/contract/runs-api.ts'
import { textOf } from '#ui/field.tsx'

/** What a field holds cannot be read. */
export class ScheduleProblem extends Error {
  override readonly name = 'ScheduleProblem'
  readonly field: 'command' | 'parameters'

  constructor(field: ScheduleProblem['field'], message: string) {
    super(message)
    this.field = field
  }
}

/** What the form asks for. What it has no fields for stays as it is in `before`. Throws `ScheduleProblem`. */
export function readSchedule(data: FormData, before?: ScheduleView): ScheduleRequest {
  const notebook = textOf(data, 'notebook')
  const output = textOf(data, 'output')
  const profile = textOf(data, 'profile')
  const { profile: _, command: __, ...kept } = before?.run ?? {}
  return {
    name: textOf(data, 'name'),
    cron: textOf(data, 'cron'),
    timezone: textOf(data, 'timezone'),
    keep: Number(textOf(data, 'keep')),
    overlap: data.get('overlap') === null ? 'skip' : 'allow',
    ...(notebook && {
      notebook: {
        path: notebook,
        parameters: parseParameters(textOf(data, 'parameters')),
        ...(output && { output }),
      },
    }),
    run: {
      ...kept,
      ...(!notebook && { command: readCommand(textOf(data, 'command')) }),
      ...(profile && { profile }),
      retries: Number(textOf(data, 'retries')),
    },
  }
}

function readCommand(line: string): string[] {
  try {
    return parseCommand(line)
  } catch (error) {
    if (error instanceof CommandLineError) throw new ScheduleProblem('command', error.message)
    throw error
  }
}

/** Lines of `name = value`; what is no JSON is text. */
function parseParameters(text: string): Record<string, unknown> {
  const parameters: Record<string, unknown> = {}
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const [, name, value = ''] = /^\s*([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (name === undefined) throw new ScheduleProblem('parameters', `“${line.trim()}” is not name = value.`)
    parameters[name] = parseValue(value)
  }
  return parameters
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** The same lines again. */
export function formatParameters(parameters: Readonly<Record<string, unknown>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
    .join('\n')
}
