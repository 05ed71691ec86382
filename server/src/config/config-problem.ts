/** One thing wrong with a configuration file. */
export interface ConfigProblem {
  file: string
  line: number
  column: number
  /** `profiles[0].cpu` */
  path: string
  message: string
  /** The value seen, as JSON; absent for unknown or missing keys. */
  seen?: string
  allowed?: string
  /** The known key or value it was probably meant to be. */
  nearest?: string
}

/** A file that cannot be used, with everything that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatConfigProblem).join('\n'))
    this.problems = problems
  }
}

/** `atrium.yaml:3:5: edge.port: must be <= 65535, saw 99999` */
export function formatConfigProblem(problem: ConfigProblem): string {
  const parts = [
    `${problem.file}:${problem.line}:${problem.column}: ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`,
  ]
  if (problem.seen !== undefined) parts.push(`saw ${problem.seen}`)
  if (problem.allowed !== undefined) parts.push(`allowed: ${problem.allowed}`)
  if (problem.nearest !== undefined) parts.push(`did you mean ${problem.nearest}?`)
  return parts.join(', ')
}
