import { readFile } from 'node:fs/promises'
import { availableParallelism, hostname, loadavg, totalmem } from 'node:os'

import type { NodeCapacity } from '#scheduler/scheduler.ts'

/** This machine as a node: its size, and how much of it is in use by anything at all. */
export async function measureMachine(pool: string): Promise<NodeCapacity> {
  const cpu = availableParallelism()
  const memoryBytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
  const [load = 0] = loadavg()
  return {
    name: hostname(),
    pool,
    state: 'up',
    cpu,
    cpuUsed: Math.min(cpu, load),
    memoryBytes,
    memoryUsedBytes: Math.max(0, memoryBytes - (await readAvailableMemory(memoryBytes))),
    gpu: 0,
    gpuUsed: 0,
  }
}

/** `MemAvailable` of proc(5): what new programs could have without swapping. */
async function readAvailableMemory(fallbackBytes: number): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '')
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1]
  return kibibytes === undefined ? fallbackBytes : Number(kibibytes) * 1024
}
