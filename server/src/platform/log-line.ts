interface LogEntry {
  level: number
  time: number
  msg?: string
  err?: { type?: string; message?: string; stack?: string }
  [field: string]: unknown
}

const warningLevel = 40
const errorLevel = 50
/** The same in every line of a process. */
const constantFields = new Set(['level', 'time', 'msg', 'err', 'error', 'pid', 'hostname', 'name'])

/**
 * A line of the log as a terminal shows it: when, how bad, what, the values, and the error's message. A stack trace only for an error that
 * nobody foresaw; the JSON log has all of them.
 */
export function formatLogLine(line: string): string {
  const entry = JSON.parse(line) as LogEntry
  const { time, level, msg = '' } = entry
  const fields = Object.entries(entry)
    .filter(([name]) => !constantFields.has(name))
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
  const values = fields.length === 0 ? '' : ` (${fields.join(', ')})`
  const parts = [
    new Date(time).toTimeString().slice(0, '00:00:00'.length),
    nameLevel(level),
    `${msg}${values}`,
  ]
  return escapeControls(`${parts.join(' ')}${formatError(entry)}`)
}

function formatError({ level, err }: LogEntry): string {
  if (err?.message === undefined) return ''
  const isForeseen = level < errorLevel || err.type === 'PlatformError'
  return isForeseen ? `: ${err.message}` : `\n${err.stack ?? err.message}`
}

function nameLevel(level: number): string {
  if (level >= errorLevel) return 'error:'
  return level >= warningLevel ? 'warning:' : 'note:'
}

/** What a log holds is anybody's text: it must not drive a terminal. */
function escapeControls(text: string): string {
  return text.replaceAll(
    /(?!\n)\p{Cc}/gu,
    (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
