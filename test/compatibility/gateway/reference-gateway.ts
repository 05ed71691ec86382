import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { findFreePort } from '../../support/free-port.ts'
import type { RunningGateway } from './gateway-player.ts'
import { daskGatewayVersion } from './gateway-recording.ts'
import { gatewaySite } from './site.ts'

const startMs = 60_000

/** The real dask-gateway-server with its proxy and local backend, of a venv with dask-gateway too: the given one, or one made from PyPI. */
export async function startReferenceGateway(venv: string = ensureVenv()): Promise<RunningGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'dask-gateway-reference-'))
  const [port, apiPort] = [await findFreePort(), await findFreePort()]
  const tokens = Object.fromEntries(gatewaySite.users.map((user) => [user, `token-of-${user}`]))
  const byToken = Object.fromEntries(Object.entries(tokens).map(([user, token]) => [token, user]))
  const file = join(folder, 'site.json')
  const dask = join(venv, 'bin', 'dask')
  writeFileSync(file, JSON.stringify({ ...gatewaySite, tokens: byToken, port, apiPort, folder, dask }))
  const config = join(import.meta.dirname, 'gateway_config.py')
  const child = spawn(join(venv, 'bin', 'dask-gateway-server'), ['-f', config], {
    cwd: folder,
    env: { ...process.env, COMPATIBILITY_SITE: file },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const baseUrl = `http://127.0.0.1:${port}`
  const gateway: RunningGateway = {
    baseUrl,
    tokens,
    readLog: () => log,
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  try {
    await waitFor('the reference gateway', () => answers(`${baseUrl}/gateway/api/health`), {
      deadlineMs: startMs,
    })
  } catch (error) {
    await gateway.stop()
    throw new Error(`dask-gateway-server did not start:\n${log}`, { cause: error })
  }
  return gateway
}

async function answers(url: string): Promise<boolean> {
  return (await fetch(url).catch(() => undefined))?.ok ?? false
}

function ensureVenv(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const venv = join(cache, 'atrium', `dask-gateway-${daskGatewayVersion}`)
  const ready = join(venv, '.ready')
  if (existsSync(ready)) return venv
  rmSync(venv, { recursive: true, force: true })
  execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' })
  const wanted = [
    `dask-gateway-server[local]==${daskGatewayVersion}`,
    `dask-gateway==${daskGatewayVersion}`,
    'bokeh',
  ]
  execFileSync(join(venv, 'bin', 'pip'), ['install', '--quiet', ...wanted], { stdio: 'inherit' })
  writeFileSync(ready, '')
  return venv
}
