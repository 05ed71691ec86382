import { readdirSync, readFileSync } from 'node:fs'
import { type CpuInfo, cpus } from 'node:os'

const bytesPerMegabyte = 1_000_000
const bytesPerKibibyte = 1024

/** All descendants of a process. */
export function findChildren(pid: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = readStatusField(Number(name), 'PPid')
    if (parent !== undefined) parents.set(Number(name), parent)
  }
  const found = new Set([pid])
  for (let grew = true; grew; ) {
    grew = false
    for (const [child, parent] of parents) {
      if (found.has(child) || !found.has(parent)) continue
      found.add(child)
      grew = true
    }
  }
  found.delete(pid)
  return [...found]
}

/** Processes whose argv `matches`. */
export function findProcesses(matches: (argv: readonly string[]) => boolean): readonly number[] {
  const pids = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
  return pids.filter((pid) => {
    try {
      return matches(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'))
    } catch {
      return false
    }
  })
}

/** Resident memory of these processes together. */
export function readResidentMegabytes(pids: readonly number[]): number {
  const kibibytes = pids.map((pid) => readStatusField(pid, 'VmRSS') ?? 0)
  return kibibytes.reduce((sum, each) => sum + each * bytesPerKibibyte, 0) / bytesPerMegabyte
}

/** Memory of these processes together, a page that several processes share counted once. */
export function readProportionalMegabytes(pids: readonly number[]): number {
  const kibibytes = pids.map((pid) => {
    const line = /^Pss: *(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))
    return Number(line?.[1] ?? 0)
  })
  return kibibytes.reduce((sum, each) => sum + each * bytesPerKibibyte, 0) / bytesPerMegabyte
}

const quietShare = 0.1
const quietWindowMs = 500
const quietWithinMs = 20_000

/**
 * Resolves when the machine has next to nothing to do, or did not come to rest in 20 s: what is left over from a start is not measured.
 * `share`: of the processors, what is nothing; daemons of a cluster always do something.
 */
export async function untilQuiet(share = quietShare): Promise<void> {
  const end = performance.now() + quietWithinMs
  while (performance.now() < end) {
    const before = cpus()
    await new Promise((resolve) => setTimeout(resolve, quietWindowMs))
    if (readBusyShare(before, cpus()) < share) return
  }
}

function readBusyShare(before: readonly CpuInfo[], after: readonly CpuInfo[]): number {
  const sum = (all: readonly CpuInfo[], pick: (times: CpuInfo['times']) => number) =>
    all.reduce((total, { times }) => total + pick(times), 0)
  const idleMs = sum(after, ({ idle }) => idle) - sum(before, ({ idle }) => idle)
  const wholeMs = (times: CpuInfo['times']) => times.user + times.nice + times.sys + times.idle + times.irq
  return 1 - idleMs / (sum(after, wholeMs) - sum(before, wholeMs))
}

function readStatusField(pid: number, field: string): number | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/status`, 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith(`${field}:`))
    return line === undefined ? undefined : Number.parseInt(line.slice(field.length + 1), 10)
  } catch {
    return undefined
  }
}
