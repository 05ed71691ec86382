import { spawn } from 'node:child_process'
import { join } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'

/** What a credential held. */
export interface MungeMessage {
  /** Of the process that made it: munge proves it. */
  uid: number
  payload: string
}

/**
 * Credentials of munge(7): messages between users of a cluster that prove who made them, once each, and that one user alone may read. Its
 * methods throw `scheduler_unavailable` while this machine's munge daemon does not answer.
 */
export interface Munge {
  /** A credential of this process that only `readerUid` can decode, on any node of the cluster. */
  encode(payload: string, options: { readerUid: number }): Promise<string>
  /** `refused`: why it proves nothing here: damaged, too old, seen before, not for us. */
  decode(credential: string): Promise<MungeMessage | { refused: string }>
}

export interface MungeOptions {
  /** Folder of munge(1) and unmunge(1). Default: looked for on PATH. */
  folder?: string
  /** Default: munge's own. */
  socket?: string
}

const patienceMs = 10_000
const mostOutputBytes = 2 * 2 ** 20
/** unmunge(1): the statuses that speak of the credential; every other one is the daemon's trouble or our own. */
const credentialStatuses: Readonly<Record<number, string>> = {
  8: 'it is no credential',
  9: 'its version is not known',
  10: 'its cipher is not known',
  11: 'its message code is not known',
  12: 'its compression is not known',
  13: 'its realm is another',
  14: 'it is damaged, or of another key',
  15: 'it is too old: the clocks differ, or it took minutes',
  16: 'it is from the future: the clocks differ',
  17: 'it was seen before',
  18: 'it is for somebody else',
}
const badArgument = 2

/** Uses the programs of munge: there is no secret of its in this process. */
export function createMunge({ folder, socket }: MungeOptions = {}): Munge {
  const run = (program: string, args: readonly string[], input: string) =>
    runProgram(
      folder === undefined ? program : join(folder, program),
      [...args, ...(socket === undefined ? [] : [`--socket=${socket}`])],
      input,
    )
  return {
    async encode(payload, { readerUid }) {
      const { status, output } = await run('munge', [`--restrict-uid=${readerUid}`], payload)
      if (status !== 0) throw buildTrouble(`munge ended with status ${status}`)
      return output.trim()
    },
    async decode(credential) {
      const { status, output } = await run('unmunge', ['--keys=UID', '--numeric'], credential)
      if (status === 0) return parseMessage(output)
      const refused =
        credentialStatuses[status] ?? (status === badArgument ? 'it is no credential' : undefined)
      if (refused === undefined) throw buildTrouble(`unmunge ended with status ${status}`)
      return { refused }
    },
  }
}

/** Lines of what is known of it, an empty one, and the payload. */
function parseMessage(output: string): MungeMessage {
  const [, uid, payload] = /^UID: *(\d+)\n\n(.*)$/s.exec(output) ?? []
  if (uid === undefined || payload === undefined) throw buildTrouble('unmunge says what is not understood')
  return { uid: Number(uid), payload }
}

function runProgram(
  path: string,
  args: readonly string[],
  input: string,
): Promise<{ status: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: '/usr/local/bin:/usr/bin:/bin:/opt/munge/bin' },
      timeout: patienceMs,
      killSignal: 'SIGKILL',
    })
    let output = ''
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (text: string) => {
      if (output.length < mostOutputBytes) output += text
    })
    // It may end before it has read everything; its status says why.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.once('error', (error) => reject(buildTrouble(error.message, error)))
    child.once('close', (status) => {
      if (status === null) reject(buildTrouble(`${path} did not end in time`))
      else resolve({ status, output })
    })
  })
}

function buildTrouble(why: string, cause?: Error): PlatformError {
  return new PlatformError('scheduler_unavailable', { message: `munge does not answer: ${why}`, cause })
}
