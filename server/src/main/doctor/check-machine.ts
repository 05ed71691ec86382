import { stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'

import { findPython } from '#environments/find-python.ts'

import { attempt, type Finding, ok, problem, warn } from './finding.ts'

const gibibyte = 2 ** 30
const leastBytes = gibibyte
const enoughBytes = 10 * gibibyte
const oldestPython = [3, 9]
const patienceMs = 30_000

/** The folder where the platform keeps its state: whose it is. Absent before the first start. */
export async function checkDataFolder(root: string): Promise<readonly Finding[]> {
  const found = await stat(root).catch(() => undefined)
  if (found === undefined) return [ok('data folder', `${root} will be made at the first start`)]
  const us = process.getuid?.() ?? 0
  if (found.uid !== us) {
    const mend = `Run this as that user, who should be the one that runs the platform: sudo -u '#${found.uid}' atrium doctor`
    return [problem('data folder', `${root} belongs to uid ${found.uid}, and this is uid ${us}`, mend)]
  }
  return [ok('data folder', root)]
}

/** Room on the disk that a folder is on, or will be. */
export async function checkSpace(check: string, folder: string): Promise<readonly Finding[]> {
  let path = folder
  while ((await stat(path).catch(() => undefined)) === undefined && path !== dirname(path))
    path = dirname(path)
  const { bavail, bsize } = await statfs(path)
  const free = Number(bavail) * Number(bsize)
  const text = `${(free / gibibyte).toFixed(1)} GiB free in ${folder}`
  const mend = 'Make room, or choose another disk: environments and what jobs print are kept there.'
  if (free < leastBytes) return [problem(check, text, mend)]
  return free < enoughBytes ? [warn(check, text, mend)] : [ok(check, text)]
}

/** An interpreter that the default environment can be made of. `mustBeShared`: other users' processes run it. */
export function checkPython(mustBeShared: boolean): Promise<readonly Finding[]> {
  const mend = 'Or name an environment that is there already: environment.prefix.'
  return attempt('python', mend, async () => {
    const { path, version } = await findPython({ mustBeShared, signal: AbortSignal.timeout(patienceMs) })
    return [ok('python', `${path} is Python ${version}`)]
  })
}

/** True for a Python that is too old for the platform's part on nodes. */
export function isOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldMajor = 0, oldMinor = 0] = oldestPython
  return major < oldMajor || (major === oldMajor && minor < oldMinor)
}

/** Whether the edge could listen where the configuration says, or does so already. */
export async function checkPort(host: string, port: number): Promise<readonly Finding[]> {
  const where = `${host}:${port}`
  const code = await tryToListen(host, port)
  if (code === undefined) return [ok('port', `${where} is free`)]
  if (code === 'EADDRINUSE') return [ok('port', `${where} is in use: by the platform, if it runs`)]
  const mends: Record<string, string> = {
    EACCES: 'Ports below 1024 need root or CAP_NET_BIND_SERVICE; or set edge.port to 8000.',
    EADDRNOTAVAIL: 'Set edge.host to an address of this machine, or to 0.0.0.0.',
  }
  return [
    problem(
      'port',
      `${where} cannot be listened on (${code})`,
      mends[code] ?? 'Set edge.host and edge.port.',
    ),
  ]
}

function tryToListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => resolve('code' in error ? String(error.code) : error.message))
    server.listen(port, host, () => server.close(() => resolve(undefined)))
  })
}
