import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The folder this installation of the platform is in: where `python/` and the built portal are. Found from this file upwards, so that it
 * holds for the sources and for a bundle of them.
 */
export function findInstallationRoot(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'python', 'src', 'atrium_node'))) return folder
    if (folder === dirname(folder))
      throw new Error('this installation is not whole: its python folder is missing')
  }
}
