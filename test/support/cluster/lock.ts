import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Only one cluster of a name at a time: whoever comes second waits for the first, or takes over from one that is dead. `what` is what is
 * waited for, in a sentence.
 */
export async function acquireLock(file: string, what: string, say: (line: string) => void): Promise<void> {
  mkdirSync(dirname(file), { recursive: true })
  let told: number | undefined
  while (!tryLock(file)) {
    const holder = readHolder(file)
    if (holder === undefined || !isAlive(holder)) {
      rmSync(file, { force: true })
      continue
    }
    if (told !== holder) say(`Waiting for ${what}, which process ${holder} uses (${file})`)
    told = holder
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

/** Leaves the lock to another process, which keeps the cluster after this one has ended. */
export function handOverLock(file: string, pid: number): void {
  const handle = openSync(file, 'w', 0o644)
  writeSync(handle, String(pid))
  closeSync(handle)
}

export function releaseLock(file: string): void {
  rmSync(file, { force: true })
}

/** The process that holds it; undefined for none. */
export function findLockHolder(file: string): number | undefined {
  const holder = readHolder(file)
  return holder !== undefined && isAlive(holder) ? holder : undefined
}

function tryLock(file: string): boolean {
  try {
    const handle = openSync(file, 'wx', 0o644)
    writeSync(handle, String(process.pid))
    closeSync(handle)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function readHolder(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    // Empty for the moment between its making and its writing: not ours to judge yet.
    return Number.isInteger(pid) && pid > 0 ? pid : process.ppid
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
