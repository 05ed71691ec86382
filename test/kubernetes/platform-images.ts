import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { acquireLock, releaseLock } from '../support/cluster/lock.ts'
import type { ProgramOptions } from '../support/cluster/run-program.ts'
import { runProgram } from '../support/cluster/run-program.ts'
import type { KubernetesCluster } from './cluster.ts'
import { containerdSocket } from './configuration.ts'
import { cacheRoot } from './program.ts'

/** By what name the cluster's node knows them. */
export const platformImage = 'local.test/atrium:1'
export const notebookImage = 'local.test/atrium-notebook:1'

const root = join(import.meta.dirname, '..', '..')
const base = 'localhost/atrium-test/debian:13'
const certificates = '/usr/local/share/ca-certificates'
const buildMinutes = 30
const mostStoreMb = 12_000

/** What an image is made of besides its Dockerfile. */
const recipes = {
  platform: {
    file: 'Dockerfile',
    name: platformImage,
    of: [
      ...['.dockerignore', '.npmrc', 'package.json', 'package-lock.json', 'tsconfig.base.json'],
      ...['build', 'cli', 'contract', 'deploy/kubernetes/atrium', 'python', 'server', 'web'],
    ],
  },
  notebook: {
    file: 'Dockerfile.notebook',
    name: notebookImage,
    of: ['.dockerignore', 'python/environments'],
  },
} as const

export type PlatformImage = keyof typeof recipes

/**
 * Builds an image of ours from its Dockerfile, unless one of the same content is there. Without Docker and without a registry: buildah in a
 * chroot, on a Debian that mmdebstrap makes. Answers the archive, for `ctr images import`.
 */
export async function ensurePlatformImage(
  image: PlatformImage,
  say: (line: string) => void = console.error,
): Promise<string> {
  const recipe = recipes[image]
  const dockerfile = join('deploy', 'kubernetes', recipe.file)
  const folder = imagesFolder()
  const digest = hashFiles([dockerfile, ...recipe.of])
  const archive = join(folder, `${image}-${digest}.tar`)
  if (existsSync(archive)) return archive
  return await withStore(say, async (buildah) => {
    // Somebody else may have built it meanwhile.
    if (existsSync(archive)) return archive
    say(`Building the image ${image} from ${dockerfile}: some minutes`)
    await buildImage(buildah, { dockerfile, name: recipe.name })
    const draft = `${archive}.${process.pid}`
    await buildah(['push', '--quiet', recipe.name, `oci-archive:${draft}:${recipe.name}`])
    for (const name of readdirSync(folder))
      if (name.startsWith(`${image}-`) && !name.includes('.tar.')) rmSync(join(folder, name))
    renameSync(draft, archive)
    return archive
  })
}

/** Puts an image on the cluster's node. */
export async function importPlatformImage(cluster: KubernetesCluster, image: PlatformImage): Promise<void> {
  const archive = await ensurePlatformImage(image)
  const ctr = ['ctr', '--address', containerdSocket, '--namespace', 'k8s.io']
  const { code, stderr } = await cluster.run([...ctr, 'images', 'import', archive], {
    timeoutMs: 5 * 60_000,
  })
  if (code !== 0) throw new Error(`the image ${image} was not taken: ${stderr}`)
}

/** Builds one stage of the platform's image for an architecture that nothing is run for, and copies `path` of it into `target`. */
export async function buildStage(
  stage: string,
  { architecture, path, target }: { architecture: string; path: string; target: string },
): Promise<void> {
  await withStore(console.error, async (buildah) => {
    const name = `localhost/atrium-test/${stage}-${architecture}`
    const more = ['--target', stage, '--build-arg', `TARGETARCH=${architecture}`]
    await buildImage(buildah, { dockerfile: 'deploy/kubernetes/Dockerfile', name, more })
    const container = (await buildah(['from', '--pull-never', name])).trim()
    try {
      const mount = (await buildah(['mount', container])).trim()
      await runProgram('cp', ['-a', join(mount, path), target])
    } finally {
      await buildah(['rm', container])
    }
  })
}

function imagesFolder(): string {
  return join(cacheRoot(), 'images')
}

/** One build at a time uses the store, whichever tests of whichever tree want one: builds in one store disturb each other. */
async function withStore<T>(
  say: (line: string) => void,
  build: (buildah: Buildah) => Promise<T>,
): Promise<T> {
  const folder = imagesFolder()
  const lock = join(folder, 'store.lock')
  await acquireLock(lock, 'a build of an image', say)
  try {
    const buildah = openBuildah(join(folder, 'store'))
    await ensureBase(buildah, join(folder, 'base'))
    return await build(buildah)
  } finally {
    releaseLock(lock)
  }
}

type Buildah = (args: readonly string[], options?: ProgramOptions) => Promise<string>

/** With storage of its own. What builds leave there for the next one is thrown away once it is too much. */
function openBuildah(store: string): Buildah {
  if (existsSync(store) && measure(store) > mostStoreMb) discard(store)
  const env = { PATH: process.env['PATH'] ?? '', HOME: store }
  const places = ['--root', store, '--runroot', `${store}-run`, '--storage-driver', 'overlay']
  return (args, options) => runProgram('buildah', [...places, ...args], { env, ...options })
}

/** Builds that were killed leave something mounted there. */
function discard(store: string): void {
  const mounted = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${store}/`))
  for (const path of mounted.toReversed()) spawnSync('umount', ['--lazy', path])
  rmSync(store, { recursive: true, force: true })
}

function measure(folder: string): number {
  return Number(spawnSync('du', ['-sm', folder], { encoding: 'utf8' }).stdout.split('\t')[0])
}

async function buildImage(
  buildah: Buildah,
  { dockerfile, name, more = [] }: { dockerfile: string; name: string; more?: readonly string[] },
): Promise<void> {
  await buildah(
    [
      ...['build', '--isolation', 'chroot', '--network', 'host', '--pull-never', '--layers'],
      ...['--build-arg', `BASE=${base}`, '--volume', `${certificates}:${certificates}:ro`],
      ...['--tag', name, '--file', join(root, dockerfile), ...more, root],
    ],
    { timeoutMs: buildMinutes * 60_000 },
  )
}

/** Debian 13 without documentation, as the registries' `debian:trixie-slim`. */
async function ensureBase(buildah: Buildah, folder: string): Promise<void> {
  if ((await buildah(['images', '--quiet', '--filter', `reference=${base}`])).trim() !== '') return
  mkdirSync(folder, { recursive: true })
  const archive = join(folder, 'debian-13.tar')
  const left = ['doc', 'man', 'locale', 'info'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
  const mirror = 'http://deb.debian.org/debian'
  await runProgram('mmdebstrap', ['--variant=minbase', '--mode=root', ...left, 'trixie', archive, mirror], {
    timeoutMs: 10 * 60_000,
  })
  const container = (await buildah(['from', 'scratch'])).trim()
  await buildah(['add', '--quiet', container, archive, '/'])
  await buildah(['config', '--cmd', 'bash', container])
  await buildah(['commit', '--quiet', '--rm', container, base])
  rmSync(archive)
}

/** What git would take along decides; tests do not. */
function hashFiles(paths: readonly string[]): string {
  const hash = createHash('sha256')
  for (const path of paths.flatMap(listFiles).sort())
    hash.update(`${path}\n`).update(readFileSync(join(root, path)))
  return hash.digest('hex').slice(0, 16)
}

const leftOut = ['node_modules', 'dist', '__pycache__', '.cache', 'tests']

function listFiles(path: string): string[] {
  if (!statSync(join(root, path)).isDirectory()) return [path]
  return readdirSync(join(root, path), { withFileTypes: true })
    .filter(({ name }) => !leftOut.includes(name) && !/\.test\.tsx?$|\.tsbuildinfo$/.test(name))
    .flatMap(({ name }) => listFiles(join(path, name)))
}
