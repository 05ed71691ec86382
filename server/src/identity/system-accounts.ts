import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { PlatformError } from '@atrium/contract/errors.ts'

/** An account that the machine itself knows. */
export interface SystemAccount {
  login: string
  uid: number
  gid: number
  /** Supplementary group ids. */
  gids: readonly number[]
  home: string
  shell: string
}

/** The machine's accounts: passwd(5), LDAP or whatever nsswitch.conf(5) names. */
export interface SystemAccounts {
  /** Throws `timeout` when the machine does not answer: who has an account must not pass for somebody without one. */
  find(login: string): Promise<SystemAccount | undefined>
}

const run = promisify(execFile)
const defaultTimeoutMs = 5000
/** What useradd(8) allows. Numbers alone would be looked up as user ids. */
const loginPattern = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/

interface SystemAccountsOptions {
  /** Asked instead of getent(1). */
  getent?: string
  timeoutMs?: number
}

/**
 * Asks getent(1) and id(1). A name that cannot be a login is nobody's. Names that are asked for while a call is under way share the next
 * one, and who asks for one name at once shares the answer: making a process costs more than the answer.
 */
export function createSystemAccounts({
  getent = 'getent',
  timeoutMs = defaultTimeoutMs,
}: SystemAccountsOptions = {}): SystemAccounts {
  const findLine = createPasswdLookup((logins) => ask(getent, ['passwd', ...logins], timeoutMs))
  const underWay = new Map<string, Promise<string>>()
  const findGroups = (login: string) => {
    const known = underWay.get(login)
    if (known !== undefined) return known
    const asked = ask('id', ['-G', login], timeoutMs).finally(() => underWay.delete(login))
    underWay.set(login, asked)
    return asked
  }
  return {
    async find(login) {
      if (!loginPattern.test(login)) return undefined
      const account = parsePasswdLine((await findLine(login)) ?? '')
      if (account === undefined) return undefined
      return { ...account, gids: parseGroupIds(await findGroups(login)) }
    },
  }
}

function createPasswdLookup(
  askFor: (logins: readonly string[]) => Promise<string>,
): (login: string) => Promise<string | undefined> {
  let waiting = new Set<string>()
  let next: Promise<ReadonlyMap<string, string>> | undefined
  let last: Promise<unknown> = Promise.resolve()

  async function askNext(): Promise<ReadonlyMap<string, string>> {
    await last.catch(() => {})
    const logins = waiting
    waiting = new Set()
    next = undefined
    const text = askFor([...logins])
    last = text
    return new Map((await text).split('\n').map((line) => [line.slice(0, line.indexOf(':')), line]))
  }
  return async (login) => {
    waiting.add(login)
    next ??= askNext()
    return (await next).get(login)
  }
}

/** One line of passwd(5), without groups. */
export function parsePasswdLine(line: string): Omit<SystemAccount, 'gids'> | undefined {
  const [login, , uid, gid, , home, shell] = line.trim().split(':')
  if (login === undefined || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return undefined
  return { login, uid: Number(uid), gid: Number(gid), home: home || '/', shell: shell || '/bin/sh' }
}

function parseGroupIds(text: string): readonly number[] {
  return (text.match(/\d+/g) ?? []).map(Number)
}

/** Standard output; what there is of it when the program fails: getent(1) does when one name of many is not known. */
async function ask(program: string, args: readonly string[], timeoutMs: number): Promise<string> {
  try {
    return (await run(program, args, { timeout: timeoutMs })).stdout
  } catch (error) {
    if (!(error instanceof Error)) return ''
    if ('killed' in error && error.killed === true) {
      const message = "The machine's accounts could not be asked in time. Try again in a moment."
      throw new PlatformError('timeout', { message, detail: { program }, cause: error })
    }
    return 'stdout' in error ? String(error.stdout) : ''
  }
}
