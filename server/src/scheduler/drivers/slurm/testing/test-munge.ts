import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { waitFor } from '#platform/wait-for.ts'

/** Why tests that need munge are skipped here; false when they run. */
export const mungeSkipReason: string | false = findMungeTrouble()

/** A munge daemon of a test's own, on a socket of its own. */
export interface TestMunge {
  socket: string
  stop(): Promise<void>
}

/** Starts munged as whoever runs the tests, with a key nobody else has. */
export async function startTestMunge(): Promise<TestMunge> {
  const folder = mkdtempSync(join(tmpdir(), 'atrium-munge-'))
  chmodSync(folder, 0o755)
  const key = join(folder, 'key')
  writeFileSync(key, randomBytes(128), { mode: 0o400 })
  const socket = join(folder, 'socket')
  // `--force`: that the folder is below /tmp, which everybody can write to, does not matter to a test.
  const daemon = spawn(
    'munged',
    [
      '--foreground',
      '--force',
      `--socket=${socket}`,
      `--key-file=${key}`,
      `--pid-file=${join(folder, 'pid')}`,
      `--log-file=${join(folder, 'log')}`,
      `--seed-file=${join(folder, 'seed')}`,
    ],
    { stdio: 'ignore' },
  )
  await waitFor('munged to answer', async () => isAnswering(socket))
  return {
    socket,
    async stop() {
      await end(daemon)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function isAnswering(socket: string): boolean {
  try {
    execFileSync('munge', ['--no-input', `--socket=${socket}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill()
  return ended
}

function findMungeTrouble(): string | false {
  try {
    execFileSync('munged', ['--version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'munge is not installed here (Debian: munge)'
  }
}
