import { readdirSync, readFileSync } from 'node:fs'

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

/** Resident memory of these processes together. */
export function readResidentMegabytes(pids: readonly number[]): number {
  const kibibytes = pids.map((pid) => readStatusField(pid, 'VmRSS') ?? 0)
  return kibibytes.reduce((sum, each) => sum + each * bytesPerKibibyte, 0) / bytesPerMegabyte
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
