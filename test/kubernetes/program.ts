import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { runProgram } from '../support/cluster/run-program.ts'

/** The last that runs with control groups of version 1 without more ado. */
export const kubernetesVersion = '1.34.4'

const source = join(import.meta.dirname, 'program')
const buildMinutes = 50

/** Where things stay that take long to make, by version. */
const cacheRoot = () =>
  process.env['ATRIUM_TEST_CACHE'] ??
  (process.getuid?.() === 0
    ? '/var/cache/atrium-tests'
    : join(process.env['HOME'] ?? tmpdir(), '.cache/atrium-tests'))

export interface KubernetesPrograms {
  /** All of Kubernetes and etcd; which part it is, its name says. */
  kubernetes: string
  pause: string
}

/** Builds them from Go modules unless they are there: five minutes of two cores, once a version. */
export async function ensureKubernetesPrograms(say: (line: string) => void): Promise<KubernetesPrograms> {
  const folder = join(cacheRoot(), `kubernetes-${kubernetesVersion}`)
  mkdirSync(folder, { recursive: true })
  const programs = { kubernetes: join(folder, 'kubernetes'), pause: join(folder, 'pause') }
  if (!existsSync(programs.kubernetes))
    say(`Building Kubernetes ${kubernetesVersion} from its Go modules: some minutes, once`)
  for (const [name, file] of Object.entries(programs)) if (!existsSync(file)) await build(name, file)
  return programs
}

async function build(name: string, file: string): Promise<void> {
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
    ['build', '-trimpath', '-ldflags', ['-s', '-w', ...flags].join(' '), '-o', draft, `./cmd/${name}`],
    {
      cwd: source,
      env: { ...process.env, CGO_ENABLED: '0' } as Record<string, string>,
      timeoutMs: buildMinutes * 60_000,
    },
  )
  // Another run may have built it, too: either is whole.
  renameSync(draft, file)
}
