import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { findFreePort } from './free-port.ts'
import { ensureTestEnvironment } from './python-environment.ts'

const run = promisify(execFile)
const version = '5.2.5'

/** Amazon's API as moto imitates it. */
export interface TestAws {
  endpoint: string
  stop(): Promise<void>
}

/** Starts moto's server on a free port; made once and kept outside the tree. */
export async function startTestAws(): Promise<TestAws> {
  const prefix = await ensureMoto()
  const port = await findFreePort()
  const endpoint = `http://127.0.0.1:${port}`
  const server = spawn(join(prefix, 'bin', 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    // It would ask Amazon for its list of images.
    env: { PATH: process.env['PATH'], MOTO_EC2_LOAD_DEFAULT_AMIS: 'false' },
  })
  await waitFor(
    'moto to answer',
    () =>
      fetch(`${endpoint}/moto-api/`).then(
        ({ ok }) => ok,
        () => false,
      ),
    {
      deadlineMs: 60_000,
    },
  )
  return {
    endpoint,
    async stop() {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill()
      await ended
    },
  }
}

async function ensureMoto(): Promise<string> {
  const cache =
    process.getuid?.() === 0 ? '/var/cache' : (process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'))
  const prefix = join(cache, 'atrium-tests', `moto-${version}`)
  if (existsSync(join(prefix, 'bin', 'moto_server'))) return prefix
  await run(join(await ensureTestEnvironment(), 'bin', 'python'), ['-m', 'venv', '--clear', prefix])
  await run(join(prefix, 'bin', 'pip'), ['install', '--quiet', `moto==${version}`, 'flask', 'flask-cors'])
  return prefix
}
