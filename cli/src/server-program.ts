import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { CliError } from './output.ts'

/**
 * glibc's setting for the control plane: memory of this many bytes and more is given back as soon as it is free. Left to itself glibc keeps
 * what hashing a password takes (19 MiB), once for each of Node's threads.
 */
const mmapThresholdBytes = 1 << 20
/** Node's own settings for the control plane: a small heap's young generation keeps the idle process small. */
const nodeFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4']

/**
 * Becomes the server program of this name: same process, same terminal, nothing left in between. The client part can be installed alone;
 * then this says so.
 */
export function becomeServerProgram(name: string, args: readonly string[]): never {
  const root = findCheckout()
  const bundle = join(root, 'dist', 'server')
  const program = isFresh(bundle, root)
    ? join(bundle, `${name}.mjs`)
    : join(root, 'server', 'src', 'main', `${name}.ts`)
  const cache = process.env['NODE_COMPILE_CACHE'] ?? join(root, '.cache', 'compile')
  process.execve?.(process.execPath, [process.execPath, ...nodeFlags, program, ...args], {
    ...process.env,
    NODE_COMPILE_CACHE: cache,
    MALLOC_MMAP_THRESHOLD_: String(mmapThresholdBytes),
  } as Record<string, string>)
  throw new CliError('This Node cannot replace a process by another one.', {
    hint: 'Use the Node that `npm ci` brings along.',
  })
}

/** Becomes a program of the node's part, which is Python alone: it runs where nothing else of the platform does. */
export function becomeNodeProgram(name: string, args: readonly string[]): never {
  const folder = join(findCheckout(), 'python', 'src', 'atrium_node')
  process.execve?.(
    '/usr/bin/env',
    ['env', 'python3', '-I', '-S', folder, name, ...args],
    process.env as Record<string, string>,
  )
  throw new CliError('This Node cannot replace a process by another one.', {
    hint: 'Use the Node that `npm ci` brings along.',
  })
}

function findCheckout(): string {
  const root = join(import.meta.dirname, '..', '..')
  const parts = [join('server', 'src', 'main'), join('dist', 'server', 'manifest.json')]
  if (parts.some((part) => existsSync(join(root, part)))) return root
  throw new CliError('Only the client is installed here.', {
    hint: 'Run this in the checkout or installation of the platform.',
  })
}

/** The bundle is there and none of its sources was changed since: who works on the sources runs the sources. An image has none. */
function isFresh(bundle: string, root: string): boolean {
  try {
    const manifest = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8')) as Manifest
    const isOld = (source: string) => {
      const status = statSync(join(root, source), { throwIfNoEntry: false })
      return status === undefined || status.mtimeMs <= manifest.newestSourceMs
    }
    return manifest.sources.every(isOld)
  } catch {
    return false
  }
}

/** Written by `build/bundle.ts`. */
interface Manifest {
  newestSourceMs: number
  sources: readonly string[]
}
