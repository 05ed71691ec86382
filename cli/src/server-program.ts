import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { CliError } from './output.ts'

/** Node's own settings for the control plane: a small heap's young generation keeps the idle process small. */
const nodeFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=2']

/**
 * Becomes the server program of this name: same process, same terminal, nothing left in between. The client part can be installed alone;
 * then this says so.
 */
export function becomeServerProgram(name: string, args: readonly string[]): never {
  const program = findServerProgram(name)
  const cache = join(dirname(program), '..', '..', '..', '.cache', 'compile')
  const argv = [process.execPath, ...nodeFlags, program, ...args]
  process.execve?.(process.execPath, argv, {
    ...process.env,
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? cache,
  })
  throw new CliError('This Node cannot replace a process by another one.', {
    hint: 'Use the Node that `npm ci` brings along.',
  })
}

function findServerProgram(name: string): string {
  try {
    const path = createRequire(import.meta.url).resolve(`@atrium/server/main/${name}.ts`)
    if (existsSync(path)) return path
  } catch {
    // Falls through to the message below.
  }
  throw new CliError('Only the client is installed here.', {
    hint: 'Run this in the checkout or installation of the platform.',
  })
}
