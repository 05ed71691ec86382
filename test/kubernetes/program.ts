import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { runProgram } from '../support/cluster/run-program.ts'

/** The last that runs with control groups of version 1 without more ado. */
export const kubernetesVersion = '1.34.4'

/** Simulates nodes: https://kwok.sigs.k8s.io */
const simulatorVersion = '0.7.0'

const source = join(import.meta.dirname, 'program')
const buildMinutes = 50

/** Where things stay that take long to make, by version. */
export const cacheRoot = () =>
  process.env['ATRIUM_TEST_CACHE'] ??
  (process.getuid?.() === 0
    ? '/var/cache/atrium-tests'
    : join(process.env['HOME'] ?? tmpdir(), '.cache/atrium-tests'))

export interface KubernetesPrograms {
  /** All of Kubernetes and etcd; which part it is, its name says. */
  kubernetes: string
  pause: string
  /** Holds traffic of pods to the policies: see its `main.go`. */
  networkPolicies: string
}

/** Builds them from Go modules unless they are there: five minutes of two cores, once a version. */
export async function ensureKubernetesPrograms(say: (line: string) => void): Promise<KubernetesPrograms> {
  const folder = join(cacheRoot(), `kubernetes-${kubernetesVersion}`)
  mkdirSync(folder, { recursive: true })
  const programs = { kubernetes: join(folder, 'kubernetes'), pause: join(folder, 'pause') }
  if (!existsSync(programs.kubernetes))
    say(`Building Kubernetes ${kubernetesVersion} from its Go modules: some minutes, once`)
  for (const [name, file] of Object.entries(programs))
    if (!existsSync(file)) await build(source, `./cmd/${name}`, file)
  return { ...programs, networkPolicies: await ensureOne('network-policies', say) }
}

/** KWOK, built as the others are. Only some tests want it. */
export async function ensureSimulator(say: (line: string) => void): Promise<string> {
  const folder = join(cacheRoot(), `kwok-${simulatorVersion}`)
  const file = join(folder, 'kwok')
  if (existsSync(file)) return file
  say(`Building KWOK ${simulatorVersion} from its Go modules: some minutes, once`)
  const draft = join(folder, String(process.pid))
  mkdirSync(draft, { recursive: true })
  const program = `sigs.k8s.io/kwok/cmd/kwok@v${simulatorVersion}`
  await runProgram('go', ['install', '-trimpath', '-ldflags', '-s -w', program], {
    env: { ...process.env, CGO_ENABLED: '0', GOBIN: draft } as Record<string, string>,
    timeoutMs: buildMinutes * 60_000,
  })
  renameSync(join(draft, 'kwok'), file)
  rmdirSync(draft)
  return file
}

/** Storage in memory for one node, and what makes volumes of it: the driver of these tests, and Kubernetes' own programs for any. */
export const volumePrograms = ['volume-driver', 'csi-provisioner', 'csi-resizer'] as const

/** Where they are, by name. Only some tests want them. */
export async function ensureVolumePrograms(
  say: (line: string) => void,
): Promise<Readonly<Record<(typeof volumePrograms)[number], string>>> {
  const sidecar = (name: string, module: string) =>
    ensureOne('volume-driver', say, `github.com/kubernetes-csi/${module}/cmd/${name}`, name)
  return {
    'volume-driver': await ensureOne('volume-driver', say),
    'csi-provisioner': await sidecar('csi-provisioner', 'external-provisioner/v5'),
    'csi-resizer': await sidecar('csi-resizer', 'external-resizer'),
  }
}

/** A program of a module of its own, again when the module has changed. */
async function ensureOne(
  name: string,
  say: (line: string) => void,
  target = '.',
  program = name,
): Promise<string> {
  const module = join(import.meta.dirname, name)
  const digest = createHash('sha256')
  for (const file of ['go.mod', 'main.go']) digest.update(readFileSync(join(module, file)))
  const folder = join(cacheRoot(), `kubernetes-${name}-${digest.digest('hex').slice(0, 12)}`)
  const file = join(folder, program)
  if (existsSync(file)) return file
  say(`Building ${program} from its Go modules: a minute or two, once`)
  mkdirSync(folder, { recursive: true })
  await build(module, target, file)
  return file
}

async function build(module: string, target: string, file: string): Promise<void> {
  const [major, minor] = kubernetesVersion.split('.')
  const fields = {
    gitVersion: `v${kubernetesVersion}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
  }
  const flags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((module) =>
    Object.entries(fields).map(([field, value]) => `-X ${module}.${field}=${value}`),
  )
  const draft = `${file}.${process.pid}`
  await runProgram(
    'go',
    ['build', '-trimpath', '-ldflags', ['-s', '-w', ...flags].join(' '), '-o', draft, target],
    {
      cwd: module,
      env: { ...process.env, CGO_ENABLED: '0' } as Record<string, string>,
      timeoutMs: buildMinutes * 60_000,
    },
  )
  // Another run may have built it, too: either is whole.
  renameSync(draft, file)
}
