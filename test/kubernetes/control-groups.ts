import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

const root = '/sys/fs/cgroup'

/** Hierarchies of version 1, named ones too: runc wants each; and the unified one, where it is mounted beside them. */
export function listHierarchies(): readonly string[] {
  return readdirSync(root).filter((name) => existsSync(join(root, name, 'cgroup.procs')))
}

/** Makes the group in every hierarchy, able to hold processes. Safe to repeat. */
export function ensureGroup(group: string): void {
  for (const hierarchy of listHierarchies()) mkdirSync(join(root, hierarchy, group), { recursive: true })
  const parts = group.split('/')
  // A new cpuset is empty, and so takes no process before it has its parent's cores.
  for (let depth = 1; depth <= parts.length; depth++) {
    const folder = join(root, 'cpuset', parts.slice(0, depth).join('/'))
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (readFileSync(join(folder, file), 'utf8').trim() !== '') continue
      writeFileSync(join(folder, file), readFileSync(join(folder, '..', file), 'utf8').trim())
    }
  }
}

/** Kills everything in the group and removes it from every hierarchy. Safe to repeat. */
export async function removeGroup(group: string): Promise<void> {
  const folders = () =>
    listHierarchies()
      .map((hierarchy) => join(root, hierarchy, group))
      .filter(existsSync)
  await waitFor(
    `${group} to be empty and removed`,
    () => {
      for (const folder of folders()) {
        for (const pid of listProcesses(folder)) killQuietly(pid)
        removeTree(folder)
      }
      return folders().length === 0
    },
    { deadlineMs: 60_000 },
  )
}

export function isMember(group: string, pid: number): boolean {
  return listProcesses(join(root, 'pids', group)).includes(pid)
}

function listProcesses(folder: string): number[] {
  try {
    const below = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => listProcesses(join(folder, name)))
    const own = readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number)
    return [...own, ...below]
  } catch {
    // Removed meanwhile.
    return []
  }
}

function removeTree(folder: string): void {
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
