import { once } from 'node:events'

import { CommanderError } from 'commander'

interface CliErrorOptions {
  hint?: string
  exitCode?: number
  status?: number
}

/** An answer that people and scripts must act on: printed without a stack trace. `hint` says what to do. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly hint: string | undefined
  readonly exitCode: number
  /** Of the platform's answer, where there was one. */
  readonly status: number | undefined

  constructor(message: string, { hint, exitCode = exitCodes.failed, status }: CliErrorOptions = {}) {
    super(message)
    this.hint = hint
    this.exitCode = exitCode
    this.status = status
  }
}

/** What the exit code says; the server's programs (`up`, `plan`, …) use the same. */
export const exitCodes = {
  failed: 1,
  /** The command line itself is wrong. */
  wrongUsage: 2,
  notRunning: 3,
  /** The token may not do this. */
  notAllowed: 4,
} as const

/** Prints what went wrong on standard error, as JSON if asked, and answers the exit code. */
export function reportError(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) return reportUsage(error, json)
  const message = error instanceof Error ? error.message : String(error)
  const hint = error instanceof CliError ? error.hint : undefined
  if (json) console.error(JSON.stringify({ error: message, ...(hint === undefined ? {} : { hint }) }))
  else {
    console.error(`atrium: ${message}`)
    if (hint !== undefined) console.error(hint)
  }
  return error instanceof CliError ? error.exitCode : exitCodes.failed
}

/** Help and version end by such an error too, with 0; people have been shown theirs by then. */
function reportUsage({ exitCode, message }: CommanderError, json: boolean): number {
  if (exitCode === 0) return 0
  if (json) {
    const [error = '', ...hint] = message.replace(/^error: /, '').split('\n')
    console.error(JSON.stringify({ error, ...(hint.length === 0 ? {} : { hint: hint.join(' ') }) }))
  }
  return exitCodes.wrongUsage
}

/** Prints `value` as JSON if asked, else as `render` shows it to people. */
export function print<T>(value: T, { json }: { json?: boolean }, render: (value: T) => string): void {
  console.log(json ? JSON.stringify(value, undefined, 2) : render(value))
}

/** Writes to standard output or error as fast as they take it. */
export async function writeAll(output: NodeJS.WriteStream, bytes: Buffer): Promise<void> {
  if (!output.write(bytes)) await once(output, 'drain')
}

/** A column of a table: its heading and what stands in it. */
export interface Column<Row> {
  heading: string
  cell(row: Row): string
}

/** Aligned columns for people; `empty` instead when there are no rows. */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  empty: string,
): string {
  if (rows.length === 0) return empty
  const lines = [
    columns.map(({ heading }) => heading),
    ...rows.map((row) => columns.map(({ cell }) => printable(cell(row)))),
  ]
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Names are anybody's text: control characters must not reach a terminal. */
export function printable(text: string): string {
  return text.replaceAll(
    /\p{Cc}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** `3 minutes ago`; `never` for null. */
export function formatAgo(time: string | number | null | undefined, now: number = Date.now()): string {
  if (time === null || time === undefined) return 'never'
  const seconds = Math.round((now - new Date(time).getTime()) / 1000)
  const units = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const
  for (const [unit, length] of units) {
    const amount = Math.floor(seconds / length)
    if (amount >= 1) return `${amount} ${unit}${amount === 1 ? '' : 's'} ago`
  }
  return 'just now'
}

/** `2026-12-03 06:17` in the time zone of this machine, the same for people of every country. */
export function formatTime(timeMs: number): string {
  const date = new Date(timeMs)
  const local = new Date(timeMs - date.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 16).replace('T', ' ')
}
