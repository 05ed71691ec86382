import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

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
  find(login: string): Promise<SystemAccount | undefined>
}

const run = promisify(execFile)
const timeoutMs = 5000
/** What useradd(8) allows. Numbers alone would be looked up as user ids. */
const loginPattern = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/

/** Asks getent(1) and id(1). A name that cannot be a login is nobody's. */
export function createSystemAccounts(): SystemAccounts {
  return {
    async find(login) {
      if (!loginPattern.test(login)) return undefined
      const line = await runQuietly('getent', ['passwd', login])
      const account = line === undefined ? undefined : parsePasswdLine(line)
      if (account?.login !== login) return undefined
      const groups = await runQuietly('id', ['-G', login])
      return { ...account, gids: parseGroupIds(groups ?? '') }
    },
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

/** Standard output, or undefined when the program fails or is not there. */
async function runQuietly(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await run(program, args, { timeout: timeoutMs })).stdout
  } catch {
    return undefined
  }
}
