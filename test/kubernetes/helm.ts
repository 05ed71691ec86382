import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'

import { runProgram } from '../support/cluster/run-program.ts'
import { cacheRoot } from './program.ts'

/** As `helm/go.mod` has it. */
const version = '4.3.1'
const buildMinutes = 30

/** Helm, from its Go module: three minutes of two cores, once a version. Answers the program. */
export async function ensureHelm(say: (line: string) => void): Promise<string> {
  const folder = join(cacheRoot(), `helm-${version}`)
  const program = join(folder, 'helm')
  if (existsSync(program)) return program
  say(`Building Helm ${version} from its Go module: some minutes, once`)
  mkdirSync(folder, { recursive: true })
  const draft = `${program}.${process.pid}`
  const module = 'helm.sh/helm/v4'
  const flags = ['-s', '-w', `-X ${module}/internal/version.version=v${version}`]
  await runProgram(
    'go',
    ['build', '-trimpath', '-ldflags', flags.join(' '), '-o', draft, `${module}/cmd/helm`],
    {
      cwd: join(import.meta.dirname, 'helm'),
      env: { ...process.env, CGO_ENABLED: '0' } as Record<string, string>,
      timeoutMs: buildMinutes * 60_000,
    },
  )
  renameSync(draft, program)
  return program
}
