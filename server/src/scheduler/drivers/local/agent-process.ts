import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'

import { buildAgentCommand, buildScopedAgentCommand, type LocalSchedulerConfig } from './local-config.ts'

/** The agent's exit status when another one has the data folder. */
const alreadyRunning = 75
const readyTimeoutMs = 15_000

/**
 * Starts the node agent as a process of its own that outlives us; returns when its socket answers, or when another
 * agent has the data folder. Throws `scheduler_unavailable` with the agent's own words.
 */
export async function startAgent(config: LocalSchedulerConfig): Promise<void> {
  await mkdir(config.dataDir, { recursive: true })
  await mkdir(dirname(config.agentLogPath), { recursive: true })
  if (existsSync('/run/systemd/system')) {
    const scoped = buildScopedAgentCommand(config, { isRoot: process.getuid?.() === 0 })
    if ((await runUntilReady(scoped, config)) === undefined) return
  }
  const failure = await runUntilReady(buildAgentCommand(config), config)
  if (failure !== undefined) {
    throw new PlatformError('scheduler_unavailable', {
      detail: failure,
      cause: new Error(`the node agent did not start: ${failure}; see ${config.agentLogPath}`),
    })
  }
}

/** Undefined when an agent is ready, else why not. */
async function runUntilReady(
  [program, ...args]: [string, ...string[]],
  config: LocalSchedulerConfig,
): Promise<string | undefined> {
  const log = await open(config.agentLogPath, 'a', 0o600)
  try {
    const child = spawn(program, args, {
      detached: true,
      cwd: '/',
      stdio: ['ignore', 'pipe', log.fd],
      // Nothing of our own environment: it can hold secrets, and jobs get theirs by the socket.
      env: pickEnvironment(['PATH', 'LANG', 'XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS']),
    })
    return await waitUntilReady(child)
  } finally {
    await log.close()
  }
}

function waitUntilReady(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    const finish = (failure: string | undefined) => {
      clearTimeout(timer)
      child.removeAllListeners()
      child.on('error', () => {})
      child.stdout?.destroy()
      child.unref()
      resolve(failure)
    }
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      finish(`no answer in ${readyTimeoutMs} ms`)
    }, readyTimeoutMs)
    child.once('error', (error) => finish(error.message))
    child.once('exit', (code, signal) => {
      finish(code === alreadyRunning ? undefined : `it ended with ${signal ?? `exit status ${code}`}`)
    })
    child.stdout?.once('data', () => finish(undefined))
  })
}

function pickEnvironment(names: readonly string[]): NodeJS.ProcessEnv {
  const entries = names.map((name) => [name, process.env[name]] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}
