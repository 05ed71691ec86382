import { spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '../../test/support/free-port.ts'
import { runCli } from '../../test/support/platform.ts'
import { ensureTestEnvironment } from '../../test/support/python-environment.ts'
import { findProcesses } from '../processes.ts'
import { callHub, type HubOptions, type HubUnderTest, waitForAnswer } from './hub-under-test.ts'
import { setPasswordByLink, signInByForm } from './sign-in.ts'

const password = 'bench-password'
const root = join(import.meta.dirname, '..', '..')

/** Atrium, and what is done to it alone. */
export interface AtriumUnderTest extends HubUnderTest {
  /** Kills control plane, edge and node agent without a word. Users' servers run on. */
  kill(): Promise<void>
  /** Runs the command again; resolves at the first answer. */
  startAgain(): Promise<void>
}

/** Starts Atrium as a newcomer does the second time: the environment is there, nothing else is. */
export async function startAtrium(options: HubOptions = {}): Promise<AtriumUnderTest> {
  const prefix = await ensureTestEnvironment()
  const data = await mkdtemp(join(tmpdir(), 'bench-atrium-'))
  await chmod(data, 0o755)
  const config = join(data, 'atrium.yaml')
  const command = options.serverCommand === undefined ? {} : { command: options.serverCommand }
  await writeFile(config, JSON.stringify({ admins: ['admin'], servers: command, log: { level: 'warn' } }))
  const port = await findFreePort()
  const url = `http://127.0.0.1:${port}`
  const place = ['--data', data, '--config', config, '--env-prefix', prefix, '--port', String(port)]
  const run = async () => {
    const child = spawn(process.execPath, [join(root, 'cli/bin/atrium.mjs'), 'up', ...place], {
      stdio: 'ignore',
    })
    const exited = new Promise((resolve) => child.once('exit', resolve))
    await waitForAnswer(`${url}/hub/api/`)
    return { exited }
  }
  const started = performance.now()
  let running = await run()
  const startUpMs = performance.now() - started
  const adminToken = (await readFile(join(data, 'keys', 'cli-token'), 'utf8')).trim()
  const hub = { url, adminToken }
  const link = (await callHub(hub, 'POST', '/api/v1/users/admin/links', {
    body: { purpose: 'set-password' },
  })) as { url: string }
  await setPasswordByLink(link.url, password)
  return {
    name: 'Atrium',
    url,
    adminToken,
    startUpMs,
    pids: () => findPlatformProcesses(data),
    signIn: (user) => signInByForm(url, user, password),
    async kill() {
      const agents = findProcesses((argv) => argv.includes('agent') && argv.includes(data))
      for (const pid of [...(await findPlatformProcesses(data)), ...agents]) process.kill(pid, 'SIGKILL')
      await running.exited
    },
    async startAgain() {
      running = await run()
    },
    async stop() {
      await runCli(['down', '--all', '--data', data])
      await running.exited
      await rm(data, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Control plane and edge. The node agent and its fork server run jobs: they are measured apart. */
async function findPlatformProcesses(data: string): Promise<readonly number[]> {
  const info = JSON.parse(await readFile(join(data, 'platform.json'), 'utf8')) as {
    pids: Record<string, number>
  }
  return Object.values(info.pids)
}
