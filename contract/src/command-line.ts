/** A command as one would type it in a shell: parts with more than plain characters stand in quotes. */
export function formatCommand(command: readonly string[]): string {
  return command
    .map((part) => (/^[\w@%+=:,./-]+$/.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`))
    .join(' ')
}

/** A command line that cannot be read; `message` is for people. */
export class CommandLineError extends Error {
  override readonly name = 'CommandLineError'
}

/**
 * The parts of a command line: quotes and backslashes as in a shell (POSIX, 2.2 Quoting), and nothing else of a shell, because none runs.
 * Throws `CommandLineError` for an open quote.
 */
export function parseCommand(line: string): string[] {
  const parts: string[] = []
  let part: string | undefined
  for (const [text, plain, single, double, escaped] of line.matchAll(
    /([^\s'"\\]+)|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|\s+|['"\\]/g,
  )) {
    const said = plain ?? single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped
    if (said !== undefined) part = (part ?? '') + said
    else if (/['"\\]/.test(text)) throw new CommandLineError(`This ${text} has no end.`)
    else if (part !== undefined) {
      parts.push(part)
      part = undefined
    }
  }
  return part === undefined ? parts : [...parts, part]
}
