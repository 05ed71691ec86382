import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'

/** One file of the portal's build with the compressed forms the build made of it. */
export interface StaticFile {
  path: string
  bytes: number
  contentType: string
  etag: string
  /** Its name holds a hash of its content, so browsers may keep it for ever. */
  immutable: boolean
  compressed: Partial<Record<'br' | 'gzip', { path: string; bytes: number }>>
}

/** The portal as Vite built it. Requests find files by name in a map that was made from the folder: no request makes a path. */
export interface PortalBuild {
  /** Undefined: not built yet. */
  indexHtml: string | undefined
  /** By path relative to the folder, `/` between the parts. */
  files: ReadonlyMap<string, StaticFile>
}

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/vnd.microsoft.icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
}

/** Reads the list of files in `folder` once. A folder that is not there is a portal that is not built. */
export async function openPortalBuild(folder: string): Promise<PortalBuild> {
  const paths = await listFiles(folder)
  const sizes = new Map(
    await Promise.all(paths.map(async (path) => [path, (await stat(path)).size] as const)),
  )
  const files = new Map<string, StaticFile>()
  let indexHtml: string | undefined
  for (const [path, bytes] of sizes) {
    const name = relative(folder, path).split(sep).join('/')
    if (name === 'index.html') indexHtml = await readFile(path, 'utf8')
    else if (!name.endsWith('.br') && !name.endsWith('.gz')) {
      files.set(name, await describeFile(path, name, bytes, sizes))
    }
  }
  return { indexHtml, files }
}

async function listFiles(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function describeFile(
  path: string,
  name: string,
  bytes: number,
  sizes: ReadonlyMap<string, number>,
): Promise<StaticFile> {
  const compressed: StaticFile['compressed'] = {}
  for (const [encoding, suffix] of [
    ['br', '.br'],
    ['gzip', '.gz'],
  ] as const) {
    const compressedBytes = sizes.get(path + suffix)
    if (compressedBytes !== undefined) compressed[encoding] = { path: path + suffix, bytes: compressedBytes }
  }
  return {
    path,
    bytes,
    contentType: contentTypes[extname(name)] ?? 'application/octet-stream',
    etag: createHash('sha256')
      .update(await readFile(path))
      .digest('base64url')
      .slice(0, 22),
    immutable: name.startsWith('assets/'),
    compressed,
  }
}
