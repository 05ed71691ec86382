import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

const root = '/sys/fs/cgroup'

/** What Slurm's cgroup/v1 plugin uses. The first holds every process of a cluster, whatever becomes of its other groups. */
export const hierarchies = ['pids', 'freezer', 'memory', 'cpuset', 'cpuacct', 'cpu', 'devices', 'blkio']

/** False where only the unified hierarchy is mounted. */
export function hasControlGroups(): boolean {
  return hierarchies.every((hierarchy) => existsSync(join(root, hierarchy, 'cgroup.procs')))
}

/** The group's folder in one hierarchy. */
export function controlGroupPath(hierarchy: string, group: string): string {
  return join(root, hierarchy, group)
}

/** Makes the group in every hierarchy, able to hold processes. Safe to repeat. */
export function ensureControlGroup(group: string): void {
  for (const hierarchy of hierarchies) mkdirSync(controlGroupPath(hierarchy, group), { recursive: true })
  // A new cpuset is empty, and so takes no process before it has its parent's cores.
  const parts = group.split('/')
  for (let depth = 1; depth <= parts.length; depth++) {
    const folder = controlGroupPath('cpuset', parts.slice(0, depth).join('/'))
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (readFileSync(join(folder, file), 'utf8').trim() !== '') continue
      writeFileSync(join(folder, file), readFileSync(join(folder, '..', file), 'utf8').trim())
    }
  }
}

/** All processes in the group and below it, as this machine numbers them. */
export function listProcesses(group: string): number[] {
  const found = new Set<number>()
  for (const hierarchy of hierarchies) collectProcesses(controlGroupPath(hierarchy, group), found)
  return [...found]
}

/** Kills everything in the group and removes it from every hierarchy. Safe to repeat. */
export async function removeControlGroup(group: string): Promise<void> {
  await waitFor(`all processes of ${group} to end`, () => {
    const processes = listProcesses(group)
    for (const pid of processes) killQuietly(pid)
    return processes.length === 0
  })
  await waitFor(`${group} to be removed`, () => {
    for (const hierarchy of hierarchies) removeTree(controlGroupPath(hierarchy, group))
    return hierarchies.every((hierarchy) => !existsSync(controlGroupPath(hierarchy, group)))
  })
}

function collectProcesses(folder: string, found: Set<number>): void {
  if (!existsSync(folder)) return
  try {
    for (const line of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n'))
      if (line !== '') found.add(Number(line))
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) collectProcesses(join(folder, entry.name), found)
  } catch {
    // Removed meanwhile.
  }
}

function removeTree(folder: string): void {
  if (!existsSync(folder)) return
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) removeTree(join(folder, entry.name))
    rmdirSync(folder)
  } catch {
    // Busy for the moment that a process takes to go.
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
