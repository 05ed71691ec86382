import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { findInstallationRoot } from '#platform/installation.ts'

/** What the first process of a pod is made of: modules of `atrium_node`, the one that is run first. */
const launcherFiles = [
  'pod_job.py',
  'pod_watch.py',
  'pod_door.py',
  'pod_state.py',
  'shared_link.py',
  'loop.py',
  'cgroup_files.py',
  'socket_diag.py',
  // For jobs of several tasks.
  '__main__.py',
  'pod_several.py',
  'pod_gang.py',
  'pod_peer.py',
  'pod_agent.py',
  'pod_tasks.py',
  'tasks.py',
  'child_plan.py',
  'mpi_flavour.py',
  'mpi_watch.py',
  'mpi_task.py',
  'linux.py',
] as const

const folder = 'atrium_node'
const program = 0o555

/** The program that every pod starts with, and what else every job finds beside it. */
export interface Launcher {
  /** Of the object that holds it: says which version it is. */
  name: string
  /** Contents by key. */
  files: Readonly<Record<string, string>>
  /** Where the files are put, and which of them is run, from the folder they are mounted in. */
  items: readonly { key: string; path: string; mode?: number }[]
  program: string
}

/** Reads it from the installation. `more`: contents of other files, by paths of theirs. */
export function readLauncher(more: Readonly<Record<string, string>> = {}): Launcher {
  const source = join(findInstallationRoot(), 'python', 'src', folder)
  const own = launcherFiles.map((name) => ({
    ...{ key: name, path: `${folder}/${name}` },
    content: readFileSync(join(source, name), 'utf8'),
  }))
  const others = Object.entries(more).map(([path, content], at) => ({
    // Keys take no slashes.
    ...{ key: `file-${at}`, path, content },
    ...(path.split('/').at(-2) === 'bin' ? { mode: program } : {}),
  }))
  const all = [...own, ...others]
  const digest = createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 16)
  return {
    name: `atrium-launcher-${digest}`,
    files: Object.fromEntries(all.map(({ key, content }) => [key, content])),
    items: all.map(({ content: _, ...item }) => item),
    program: `${folder}/${launcherFiles[0]}`,
  }
}
