import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { findFreePort } from './free-port.ts'
import { runCli } from './platform.ts'

const program = join(import.meta.dirname, '..', '..', 'cli', 'bin', 'atrium.mjs')
const readyWithinMs = 60_000

/** Control planes and an edge that nobody starts for one another, as on machines of their own; here they share one. */
export interface SpreadPlatform {
  data: string
  keys: string
  key: Buffer
  ports: Record<'users' | 'edgeControl' | 'edgeHealth' | 'controlPlane' | 'controlPlaneHealth', number>
  url: string
  edge: Part
  controlPlane: Part
  adminToken(): Promise<string>
  startEdge(): Promise<void>
  /** Starts a control plane in the place of one that has ended; resolves when it is ready. */
  startControlPlane(): Promise<void>
  dispose(): Promise<void>
}

/** A process of it. */
export interface Part {
  output(): string
  /** Resolves when it has ended. */
  end(signal: NodeJS.Signals): Promise<void>
}

export async function startSpreadPlatform(
  config: Readonly<Record<string, unknown>> = {},
): Promise<SpreadPlatform> {
  const folder = await mkdtemp(join(tmpdir(), 'atrium-spread-'))
  await chmod(folder, 0o755)
  const [data, keys, configFile] = [join(folder, 'data'), join(folder, 'keys'), join(folder, 'atrium.yaml')]
  const key = randomBytes(32)
  await mkdir(keys)
  await writeFile(join(keys, 'edge.key'), key)
  await writeFile(join(keys, 'sealing.key'), `${randomBytes(32).toString('hex')}\n`)
  await chmod(keys, 0o500)
  const ports = await findPorts()
  const url = `http://127.0.0.1:${ports.users}`
  await writeFile(configFile, JSON.stringify(buildConfig({ keys, ports, url }, config)))
  const prefix = process.env['ATRIUM_TEST_ENVIRONMENT']
  const parts: Record<'edge' | 'controlPlane', Part | undefined> = {
    edge: undefined,
    controlPlane: undefined,
  }
  const start = async (name: keyof typeof parts, args: readonly string[]) => {
    const part = await startPart(args)
    parts[name] = part
    await waitFor(`"ready" of ${name}`, () => part.output().includes('{"ready":'), {
      deadlineMs: readyWithinMs,
    })
  }
  const platform: SpreadPlatform = {
    ...{ data, keys, key, ports, url },
    get edge() {
      return given(parts.edge)
    },
    get controlPlane() {
      return given(parts.controlPlane)
    },
    adminToken: async () => (await readFile(join(data, 'keys', 'cli-token'), 'utf8')).trim(),
    startEdge: () => start('edge', ['serve-edge', '--config', configFile]),
    startControlPlane: () =>
      start('controlPlane', [
        ...['serve', '--json', '--config', configFile, '--data', data],
        ...['--listen', `127.0.0.1:${ports.controlPlane}`],
        ...(prefix ? ['--env-prefix', prefix] : []),
      ]),
    async dispose() {
      await runCli(['down', '--all', '--data', data])
      for (const part of [parts.controlPlane, parts.edge]) await part?.end('SIGKILL')
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  await Promise.all([platform.startEdge(), platform.startControlPlane()])
  await waitFor('the edge to be filled', async () => (await probe(ports.edgeHealth, '/readyz')) === 200, {
    deadlineMs: readyWithinMs,
  })
  return platform
}

/** What a probe is answered; undefined: nobody answers. */
export async function probe(port: number, path: string, method = 'GET'): Promise<number | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method }).catch(() => undefined)
  await answer?.body?.cancel()
  return answer?.status
}

/** What was made in a folder that is only to be read. */
export async function listKeys({ keys }: SpreadPlatform): Promise<readonly string[]> {
  return (await readdir(keys)).toSorted()
}

function buildConfig(
  { keys, ports, url }: Pick<SpreadPlatform, 'keys' | 'ports' | 'url'>,
  more: Readonly<Record<string, unknown>>,
): object {
  return {
    keys,
    edge: {
      host: '127.0.0.1',
      port: ports.users,
      publicUrl: url,
      external: { name: 'localhost', port: ports.edgeControl, healthPort: ports.edgeHealth, hold: '2m' },
    },
    controlPlane: { healthPort: ports.controlPlaneHealth },
    ...more,
  }
}

async function findPorts(): Promise<SpreadPlatform['ports']> {
  const [users, edgeControl, edgeHealth, controlPlane, controlPlaneHealth] = await Promise.all(
    Array.from({ length: 5 }, findFreePort),
  )
  return { users, edgeControl, edgeHealth, controlPlane, controlPlaneHealth } as SpreadPlatform['ports']
}

async function startPart(args: readonly string[]): Promise<Part> {
  const child: ChildProcess = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (piece: Buffer) => {
      output += piece.toString()
    })
  }
  const exited = once(child, 'exit')
  return {
    output: () => output,
    async end(signal) {
      child.kill(signal)
      await exited
    },
  }
}

function given(part: Part | undefined): Part {
  if (part === undefined) throw new Error('it was not started')
  return part
}
