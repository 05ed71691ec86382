/** The batch script that replaces itself by this command. Slurm keeps it, and operators can read it. */
export function buildScriptText(command: readonly string[]): string {
  return `#!/bin/sh\nexec ${command.map(quoteWord).join(' ')}\n`
}

/** One word for sh(1), whatever is in it. */
function quoteWord(word: string): string {
  return /^[A-Za-z0-9_./:@=+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
