/** What a login on a node would give to a program, with an environment's programs first on PATH. */
export interface LoginEnvironmentInput {
  /** Prefix of the Python environment. Undefined: the image's own. */
  prefix: string | undefined
  home: string
  login: string
  shell: string
}

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** The launcher of pods puts in what the image has. */
const imagePath = '{image:PATH}'

/** The variables that every job of a person has. */
export function buildLoginEnvironment({
  prefix,
  home,
  login,
  shell,
}: LoginEnvironmentInput): Record<string, string> {
  return {
    PATH: prefix === undefined ? imagePath : `${prefix}/bin:${systemPath}`,
    HOME: home,
    USER: login,
    LOGNAME: login,
    SHELL: shell,
    LANG: 'C.UTF-8',
  }
}

/** The prefix that `buildLoginEnvironment` was given; undefined for variables of other origin. */
export function findEnvironmentPrefix(environment: Readonly<Record<string, string>>): string | undefined {
  const [first = ''] = (environment['PATH'] ?? '').split(':')
  return first.startsWith('/') && first.endsWith('/bin') ? first.slice(0, -'/bin'.length) : undefined
}

/** A program of an environment; by its name alone where it is on the image's PATH. */
export function findProgram(prefix: string | undefined, name: string): string {
  return prefix === undefined ? name : `${prefix}/bin/${name}`
}
