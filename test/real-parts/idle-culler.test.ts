import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

import type { HubUser } from '@atrium/contract/hub-models.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { type Platform, startPlatform } from '../support/platform.ts'
import { ensureTestEnvironment } from '../support/python-environment.ts'
import { createPerson, startServer } from './people.ts'

const run = promisify(execFile)
const token = 'a-token-of-the-culler-0123456789abcdef'
const cullerVersion = '2.0.0'

describe('unmodified jupyterhub-idle-culler', () => {
  let folder: string
  let platform: Platform
  let culler: string

  before(async () => {
    culler = await ensureCuller()
    folder = await mkdtemp(join(tmpdir(), 'atrium-culler-'))
    await writeFile(join(folder, 'token'), token, { mode: 0o600 })
    platform = await startPlatform({
      config: JSON.stringify({
        services: [{ name: 'culler', apiTokenFile: join(folder, 'token') }],
        roles: [
          {
            name: 'culler',
            scopes: ['list:users', 'read:users:activity', 'read:servers', 'delete:servers'],
            services: ['culler'],
          },
        ],
      }),
    })
    await createPerson(platform, 'alice')
    await createPerson(platform, 'bob')
    await startServer(platform, 'alice')
  })
  after(async () => {
    await platform?.dispose()
    await rm(folder, { recursive: true })
  })

  /** Runs it until `isDone` says so of what it wrote. */
  async function cull(
    timeoutS: number,
    isDone: (output: string) => boolean | Promise<boolean>,
  ): Promise<void> {
    const options = [
      `--timeout=${timeoutS}`,
      '--cull-every=1',
      '--api-page-size=1',
      '--IdleCuller.log_level=10',
    ]
    const child = spawn(culler, [...options, `--url=${platform.url}/hub/api`], {
      env: { ...process.env, JUPYTERHUB_API_TOKEN: token },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const output: string[] = []
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()))
    const ended = new Promise((resolve) => child.once('exit', resolve))
    try {
      await waitFor('the culler', () => isDone(output.join('')), { deadlineMs: 40_000, everyMs: 100 })
    } catch (error) {
      throw new Error(output.join(''), { cause: error })
    } finally {
      child.kill('SIGKILL')
      await ended
    }
  }

  const isRunning = async (name: string) =>
    (await platform.api<HubUser>('GET', `/hub/api/users/${name}`)).body.servers?.[''] !== undefined

  test('leaves a server alone that is in use', async () => {
    await cull(3600, (output) => output.includes('Not culling server alice'))
    assert.equal(await isRunning('alice'), true)
  })

  test('stops a server that is idle for longer than it allows', async () => {
    await cull(1, async () => !(await isRunning('alice')))
  })
})

/** The culler in an environment of its own, made once. */
async function ensureCuller(): Promise<string> {
  const cache =
    process.getuid?.() === 0 ? '/var/cache' : (process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'))
  const prefix = join(cache, 'atrium-tests', `idle-culler-${cullerVersion}`)
  const program = join(prefix, 'bin', 'jupyterhub-idle-culler')
  if (existsSync(program)) return program
  const python = join(await ensureTestEnvironment(), 'bin', 'python')
  await run(python, ['-m', 'venv', '--clear', prefix])
  await run(join(prefix, 'bin', 'pip'), ['install', '--quiet', `jupyterhub-idle-culler==${cullerVersion}`])
  return program
}
