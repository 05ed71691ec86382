import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

const root = '/sys/fs/cgroup'

/**
 * Of version 1, what Slurm's cgroup/v1 plugin uses; runc has no fewer. The first holds every process of a cluster,
 * whatever becomes of its other groups.
 */
export const controllers = ['pids', 'freezer', 'memory', 'cpuset', 'cpuacct', 'cpu', 'devices', 'blkio']

/** False where only the unified hierarchy is mounted. */
export function hasControlGroups(): boolean {
  return controllers.every((hierarchy) => existsSync(join(root, hierarchy, 'cgroup.procs')))
}

/** All of version 1, named ones too, which runc wants; and the unified one, where it is mounted beside them. */
export function listHierarchies(): readonly string[] {
  return readdirSync(root).filter((name) => existsSync(join(root, name, 'cgroup.procs')))
}

/** The group's folder in one hierarchy. */
export function controlGroupPath(hierarchy: string, group: string): string {
  return join(root, hierarchy, group)
}

/** Whether the process, as this machine numbers it, is in the group or below it. */
export function isMember(group: string, pid: number): boolean {
  return listProcesses(group, ['pids']).includes(pid)
}

/** Makes the group in each of the hierarchies, able to hold processes. Safe to repeat. */
export function ensureControlGroup(group: string, hierarchies: readonly string[]): void {
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

/** All processes in the group and below it, as this machine numbers them, in whichever hierarchy they are. */
export function listProcesses(group: string, hierarchies: readonly string[]): number[] {
  const found = hierarchies.flatMap((hierarchy) => collectProcesses(controlGroupPath(hierarchy, group)))
  return [...new Set(found)]
}

/** Kills everything in the group and removes it from each of the hierarchies. Safe to repeat. */
export async function removeControlGroup(group: string, hierarchies: readonly string[]): Promise<void> {
  await waitFor(
    `${group} to be empty and removed`,
    () => {
      for (const pid of listProcesses(group, hierarchies)) killQuietly(pid)
      for (const hierarchy of hierarchies) removeTree(controlGroupPath(hierarchy, group))
      return hierarchies.every((hierarchy) => !existsSync(controlGroupPath(hierarchy, group)))
    },
    { deadlineMs: 60_000 },
  )
}

function collectProcesses(folder: string): number[] {
  try {
    const below = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => collectProcesses(join(folder, name)))
    const own = readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number)
    return [...own, ...below]
  } catch {
    // Never made, or removed meanwhile.
    return []
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
