import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { findFreePort } from './free-port.ts'

/** A PostgreSQL of the tests' own: trust on loopback, no durability. */
export interface TestPostgres {
  url: string
  stop(): Promise<void>
}

/** Whom it serves besides programs of this machine. */
export interface PostgresReach {
  /** A further address of this machine. */
  address: string
  /** Range of those who may come there. */
  clients: string
}

/** Starts one on a free port. Undefined where PostgreSQL is not installed. */
export async function startTestPostgres(reach?: PostgresReach): Promise<TestPostgres | undefined> {
  const bin = findPostgresBinaries()
  if (bin === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'atrium-postgres-'))
  const account = findServerAccount()
  if (account !== undefined) chownSync(folder, account.uid, account.gid)
  const data = join(folder, 'data')
  const options = { ...account, cwd: folder }
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'atrium', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--locale=C.UTF-8'],
    {
      ...options,
      stdio: 'ignore',
    },
  )
  if (reach !== undefined) appendFileSync(join(data, 'pg_hba.conf'), `host all all ${reach.clients} trust\n`)
  const port = await findFreePort()
  const settings = [
    'fsync=off',
    `listen_addresses=${['127.0.0.1', ...(reach === undefined ? [] : [reach.address])].join()}`,
    `unix_socket_directories=${folder}`,
    'max_connections=200',
  ]
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    { ...options, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  await waitUntilReady(server)
  return {
    url: `postgresql://atrium@127.0.0.1:${port}/postgres`,
    async stop() {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill('SIGQUIT')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function waitUntilReady(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = ''
    server.stderr?.on('data', (chunk: Buffer) => {
      seen += chunk.toString()
      if (seen.includes('ready to accept connections')) resolve()
    })
    server.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${seen}`)))
  })
}

function findPostgresBinaries(): string | undefined {
  const versions = '/usr/lib/postgresql'
  const folders = existsSync(versions)
    ? readdirSync(versions).map((version) => join(versions, version, 'bin'))
    : []
  const path = (process.env['PATH'] ?? '').split(':')
  return [...folders, ...path].find(
    (folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  )
}

/** PostgreSQL refuses to run as root: its own account does it then. */
function findServerAccount(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('postgres:'))
  if (line !== undefined) {
    const [, , uid, gid] = line.split(':')
    return { uid: Number(uid), gid: Number(gid) }
  }
  const { uid, gid } = statSync(tmpdir())
  return { uid, gid }
}
