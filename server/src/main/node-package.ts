import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { findInstallationRoot } from '#platform/installation.ts'

const run = promisify(execFile)
const packageName = 'atrium_node'
const readableByAll = { folder: 0o755, file: 0o644 }
const compileMs = 60_000

/**
 * Puts the node package where nodes see it, in a folder named after its content, so that an upgrade changes nothing below a job that runs.
 * `root`: the platform's own, as is everything in it. `python`: nodes', which compiles it so that no launcher has to; where this
 * machine does not have it, each does. Answers the package's path.
 */
export async function installNodePackage(root: string, python: string): Promise<string> {
  const source = join(findInstallationRoot(), 'python', 'src', packageName)
  const names = (await readdir(source)).filter((name) => name.endsWith('.py')).sort()
  const files = await Promise.all(
    names.map(async (name) => ({ name, content: await readFile(join(source, name)) })),
  )
  const target = join(root, buildVersion(files))
  const path = join(target, packageName)
  if (await isThere(path)) return path
  const draft = join(root, `.${randomBytes(8).toString('hex')}`)
  try {
    await writePackage(join(draft, packageName), files, python)
    await chmod(draft, readableByAll.folder)
    await rename(draft, target)
  } catch (error) {
    // Another replica may have been quicker.
    if (!(await isThere(path))) throw error
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return path
}

interface PackageFile {
  name: string
  content: Buffer
}

function buildVersion(files: readonly PackageFile[]): string {
  const hash = createHash('sha256')
  for (const { name, content } of files) hash.update(`${name} ${content.length}\n`).update(content)
  return hash.digest('hex').slice(0, 16)
}

async function writePackage(folder: string, files: readonly PackageFile[], python: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const { name, content } of files) await writeFile(join(folder, name), content)
  const compile = ['-I', '-S', '-m', 'compileall', '-q', '--invalidation-mode', 'unchecked-hash', folder]
  await run(python, compile, { timeout: compileMs }).catch(() => {})
  await openForAll(folder)
}

/** Whatever the umask was. */
async function openForAll(folder: string): Promise<void> {
  await chmod(folder, readableByAll.folder)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await openForAll(path)
    else await chmod(path, readableByAll.file)
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}
