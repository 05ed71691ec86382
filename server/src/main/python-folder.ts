import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const readableByAll = { folder: 0o755, file: 0o644, program: 0o755 }
/** Files in folders of this name are programs. */
const programs = 'bin'
const compileMs = 60_000

/**
 * Puts folders of Python where everybody may read them, in one named after their content, so that an upgrade changes nothing below a job that
 * runs. `root`: the platform's own, as is everything in it. `python` compiles, so that no job has to; where this machine does not have it,
 * each does. Answers the folder that holds them.
 */
export async function installPythonFolder(
  root: string,
  { source, names, python }: { source: string; names: readonly string[]; python: string },
): Promise<string> {
  const files = await readFiles(source, names)
  const target = join(root, buildVersion(files))
  if (await isThere(target)) return target
  const draft = join(root, `.${randomBytes(8).toString('hex')}`)
  try {
    await writeFiles(draft, files, python)
    await rename(draft, target)
  } catch (error) {
    // Another replica may have been quicker.
    if (!(await isThere(target))) throw error
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return target
}

interface SourceFile {
  /** Relative to the source. */
  path: string
  content: Buffer
}

/** Without what a Python that ran from the sources left there. */
async function readFiles(source: string, names: readonly string[]): Promise<SourceFile[]> {
  const entries = await Promise.all(
    names.map((name) => readdir(join(source, name), { recursive: true, withFileTypes: true })),
  )
  const paths = entries
    .flat()
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(source.length + 1))
    .filter((path) => !path.includes('__pycache__'))
    .sort()
  return Promise.all(paths.map(async (path) => ({ path, content: await readFile(join(source, path)) })))
}

function buildVersion(files: readonly SourceFile[]): string {
  const hash = createHash('sha256')
  for (const { path, content } of files) hash.update(`${path} ${content.length}\n`).update(content)
  return hash.digest('hex').slice(0, 16)
}

async function writeFiles(folder: string, files: readonly SourceFile[], python: string): Promise<void> {
  for (const { path, content } of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
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
    else await chmod(path, basename(folder) === programs ? readableByAll.program : readableByAll.file)
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}
