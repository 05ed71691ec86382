import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'

import { findInstallationRoot } from '#platform/installation.ts'

import { installPythonFolder } from './python-folder.ts'

const packageName = 'atrium_node'

/** Puts the node package where nodes see it. `python`: nodes'. Answers the package's path. */
export async function installNodePackage(root: string, python: string): Promise<string> {
  const source = join(findInstallationRoot(), 'python', 'src')
  return join(await installPythonFolder(root, { source, names: [packageName], python }), packageName)
}

/**
 * Puts the client package where users' jobs see it: the installation itself may be below somebody's closed home. Answers the folder for
 * PYTHONPATH; it holds the package and its dist-info alone, by which entry points are found. `python`: the default environment's.
 */
export async function installClientPackage(root: string, python: string): Promise<string> {
  const source = findClientSource()
  const names = (await readdir(source)).filter((name) => name.startsWith('atrium_client'))
  return installPythonFolder(root, { source, names, python })
}

/** The same as contents by path, for where there is no folder that jobs see. */
export async function readClientPackage(): Promise<Record<string, string>> {
  const source = findClientSource()
  const entries = await readdir(source, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'))
    .map(({ parentPath, name }) => relative(source, join(parentPath, name)))
    .filter((path) => path.startsWith('atrium_client'))
    .sort()
  const contents = await Promise.all(
    paths.map(async (path) => [path, await readFile(join(source, path), 'utf8')] as const),
  )
  return Object.fromEntries(contents)
}

function findClientSource(): string {
  return join(findInstallationRoot(), 'python', 'client', 'src')
}
