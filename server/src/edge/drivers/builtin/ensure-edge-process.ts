import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import {
  type ControlClient,
  canHandOver,
  connectToEdge,
  isSpeakingOurs,
  NoEdgeError,
} from './control-client.ts'
import type { EdgeHello } from './control-messages.ts'
import { type EdgeConfig, hashEdgeConfig, readEdgeConfig } from './edge-config.ts'
import { compileFlag } from './edge-program-flags.ts'
import { waitForReadyLine } from './ready-line.ts'

export interface EdgeProcessFiles {
  /** The program: `main/edge.ts`. */
  program: string
  /** Where its configuration is written to, 0600. */
  configPath: string
  /** What it says on standard error is appended here. */
  logPath: string
  /** Folder for compiled code: a start takes half the time and 20 MB less. Only its owner may write to it. */
  compileCachePath?: string
}

const readyWithinMs = 15_000
const stopWithinMs = 10_000
/** Less garbage is kept for later, at no cost that shows. */
const nodeFlags = ['--max-semi-space-size=8']

/**
 * Makes sure that an edge runs with this configuration: leaves a living one alone, replaces one of other settings (without loss, if it
 * listens at the same address), starts one where there is none. It outlives the caller. Rejects with `EdgeStartError`, whose message
 * names the port and what to do.
 */
export async function ensureEdgeProcess(config: EdgeConfig, files: EdgeProcessFiles): Promise<EdgeHello> {
  const living = await findEdge(config.controlSocketPath)
  if (living !== undefined) {
    const { hello } = living
    const isSame = isSpeakingOurs(hello) && hello.settings === hashEdgeConfig(config)
    if (!isSame) await replaceEdge(living, config, files)
    living.close()
    if (isSame) return hello
  }
  return (await findHello(config.controlSocketPath)) ?? startEdge(config, files)
}

/** Stops the edge, if one runs; resolves when its port is free. */
export async function stopEdgeProcess(controlSocketPath: string): Promise<void> {
  const living = await findEdge(controlSocketPath)
  if (living === undefined) return
  await stop(living)
  living.close()
}

async function startEdge(config: EdgeConfig, files: EdgeProcessFiles): Promise<EdgeHello> {
  mkdirSync(dirname(config.controlSocketPath), { recursive: true, mode: 0o700 })
  writeConfig(config, files.configPath)
  const env = buildEnvironment(files)
  await compileOnce(files, env)
  const log = openSync(files.logPath, 'a', 0o600)
  const child = spawn(process.execPath, [...nodeFlags, files.program, files.configPath], {
    detached: true,
    stdio: ['ignore', 'pipe', log],
    env,
  })
  closeSync(log)
  try {
    await waitForReadyLine(child, readyWithinMs)
  } catch (error) {
    // Another replica may have been faster.
    const hello = await findHello(config.controlSocketPath)
    if (hello === undefined) throw error
    return hello
  }
  child.unref()
  const hello = await findHello(config.controlSocketPath)
  if (hello === undefined) throw new NoEdgeError('the edge has started and is gone again')
  return hello
}

function buildEnvironment({ compileCachePath }: EdgeProcessFiles): NodeJS.ProcessEnv {
  return compileCachePath === undefined
    ? process.env
    : { ...process.env, NODE_COMPILE_CACHE: compileCachePath }
}

/** A process that finds everything compiled never loads the compiler of types, and the edge lives long. */
async function compileOnce(
  { program, compileCachePath }: EdgeProcessFiles,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  if (compileCachePath === undefined || existsSync(compileCachePath)) return
  const child = spawn(process.execPath, [...nodeFlags, program, compileFlag], { stdio: 'ignore', env })
  await once(child, 'exit')
}

/** A process listening at another address cannot hand over its socket. */
async function replaceEdge(
  living: ControlClient,
  config: EdgeConfig,
  files: EdgeProcessFiles,
): Promise<void> {
  const { hello } = living
  writeConfig(config, files.configPath)
  const isSameAddress = hello.host === (config.host ?? '127.0.0.1') && hello.port === config.port
  if (!isSameAddress || !canHandOver(hello)) {
    await stop(living)
    return
  }
  await living.request({ type: 'hand-over' })
}

async function stop(living: ControlClient): Promise<void> {
  const { pid } = living.hello
  await living.request({ type: 'stop' })
  const deadline = performance.now() + stopWithinMs
  while (isAlive(pid) && performance.now() < deadline) await delay(10)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function findEdge(path: string): Promise<ControlClient | undefined> {
  try {
    return await connectToEdge(path)
  } catch (error) {
    if (error instanceof NoEdgeError) return undefined
    throw error
  }
}

async function findHello(path: string): Promise<EdgeHello | undefined> {
  const client = await findEdge(path)
  client?.close()
  return client?.hello
}

function writeConfig(config: EdgeConfig, path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.new`, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 })
  readEdgeConfig(`${path}.new`)
  renameSync(`${path}.new`, path)
}
