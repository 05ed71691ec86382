import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What we wrote into an environment of ours. */
export interface EnvironmentMarker {
  /** `installing` until the last package is in: whatever was killed before is repaired. */
  state: 'installing' | 'complete'
  /** SHA-256 of the lock, so that a changed lock is noticed. */
  lock: string
}

const fileName = '.atrium-environment.json'

/** Undefined: this environment is not of our making, or nothing is there. */
export async function readMarker(prefix: string): Promise<EnvironmentMarker | undefined> {
  try {
    return JSON.parse(await readFile(join(prefix, fileName), 'utf8')) as EnvironmentMarker
  } catch {
    return undefined
  }
}

/** Whole or not at all. */
export async function writeMarker(prefix: string, marker: EnvironmentMarker): Promise<void> {
  const path = join(prefix, fileName)
  await writeFile(`${path}.new`, `${JSON.stringify(marker)}\n`, { mode: 0o644 })
  await rename(`${path}.new`, path)
}
