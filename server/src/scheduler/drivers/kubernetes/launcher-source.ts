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
] as const

const folder = 'atrium_node'

/** The program that every pod starts with. */
export interface Launcher {
  /** Of the object that holds it: says which version it is. */
  name: string
  /** Contents by file name. */
  files: Readonly<Record<string, string>>
  /** Where the files are put, and which of them is run, from the folder they are mounted in. */
  items: readonly { key: string; path: string }[]
  program: string
}

/** Reads it from the installation. */
export function readLauncher(): Launcher {
  const source = join(findInstallationRoot(), 'python', 'src', folder)
  const files = Object.fromEntries(
    launcherFiles.map((name) => [name, readFileSync(join(source, name), 'utf8')]),
  )
  const digest = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16)
  return {
    name: `atrium-launcher-${digest}`,
    files,
    items: launcherFiles.map((name) => ({ key: name, path: `${folder}/${name}` })),
    program: `${folder}/${launcherFiles[0]}`,
  }
}
