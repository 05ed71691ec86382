/**
 * `npm test`: the quick suite. `npm test -- --all`: everything, what CI runs. `--failed`: the files that the last run left without a pass.
 * Words that are not options narrow it to test files whose path contains one of them. Starts what the tests share (PostgreSQL, the default
 * Python environment, the built portal, clusters where a file needs one), says what this machine lacks and how to get it, and what failed.
 */
import { spawn } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { startKubernetesCluster } from './kubernetes/cluster.ts'
import { findMissing as findMissingForKubernetes } from './kubernetes/requirements.ts'
import { startSlurmCluster } from './slurm/cluster.ts'
import { findMissing } from './slurm/requirements.ts'
import { findChromium } from './support/chromium.ts'
import { describeFailure, type Failure } from './support/failure-report.ts'
import { startTestPostgres } from './support/postgres.ts'
import { ensureTestEnvironment } from './support/python-environment.ts'

const root = join(import.meta.dirname, '..')

/** Left to `--all`: they take minutes. */
const longSuites = [
  'test/slurm/',
  'test/kubernetes/',
  'test/faults/',
  'test/real-parts/',
  'test/compatibility/',
  'test/browser/',
  'test/scale/',
  'test/system/',
]

const filesForTwoClusters = 6

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean', default: false },
    failed: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log('npm test [-- [--all] [--failed] [PART-OF-A-PATH ...]]')
  process.exit(0)
}

const lastRun = join(root, '.cache/last-run.json')
const files = selectFiles()
/** What has not passed yet. */
const pending = new Set(files)
const failures: Failure[] = []
/**
 * Those of a scheduler share one cluster, and some of them break it for a while: one after the other, after all others. Both schedulers'
 * are run side by side, since they wait more than they compute.
 */
const kubernetesFiles = files.filter((file) => file.startsWith('test/kubernetes/'))
const slurmFiles = files.filter((file) => !kubernetesFiles.includes(file) && needsSlurm(file))
const otherFiles = files.filter((file) => !slurmFiles.includes(file) && !kubernetesFiles.includes(file))
mkdirSync(join(root, '.cache'), { recursive: true })
keepPending()
const missing: string[] = []
const needsLongParts = files.some((file) => longSuites.some((suite) => file.startsWith(suite)))
/** Half of the tests of what stores do; the quick suite has the other half, on SQLite. */
const wantsPostgres = values.all || positionals.length > 0
const postgres = wantsPostgres ? await startTestPostgres() : undefined
if (wantsPostgres && postgres === undefined)
  missing.push('PostgreSQL: its store is not tested. Debian: apt-get install postgresql')
if (findChromium() === undefined)
  missing.push('Chromium: the browser suite cannot run. Debian: apt-get install chromium')
const environment = await ensureTestEnvironment()
if (needsLongParts && !existsSync(join(root, 'web/dist/index.html')))
  await run('npm', ['run', 'build', '-w', 'web'])

const variables = {
  ATRIUM_TEST_ENVIRONMENT: environment,
  ...(postgres === undefined ? {} : { ATRIUM_TEST_POSTGRES_URL: postgres.url }),
}
const prepared = kubernetesFiles.length > 0 ? prepareKubernetes() : undefined
const codes = [await runTests('general', otherFiles, 2, variables)]
codes.push(
  ...(await Promise.all([
    slurmFiles.length > 0 ? runSlurmTests() : 0,
    prepared?.then(runKubernetesTests) ?? 0,
  ])),
)
await postgres?.stop()
if (!values.all && positionals.length === 0) {
  missing.push(...[findMissing(), findMissingForKubernetes()].filter((line) => line !== undefined))
  console.log(`\nThe long suites (${longSuites.join(' ')}) and PostgreSQL were left out: npm test -- --all`)
}
if (failures.length > 0) console.log(`\nWhat failed:\n\n${failures.map(describeFailure).join('\n')}`)
for (const line of new Set(missing)) console.log(`Not found here: ${line}`)
if (values.all && missing.length > 0) process.exitCode = 1
if (codes.some((code) => code !== 0)) process.exitCode = 1

/** By its place, or because it opens the shared cluster; most tests of the driver get along with recorded output. */
function needsSlurm(file: string): boolean {
  return (
    file.startsWith('test/slurm/') || readFileSync(join(root, file), 'utf8').includes('shared-cluster.ts')
  )
}

/**
 * Runs the files. Those that passed are taken from what `--failed` runs again: whole files, as a test often goes on from where the one before
 * it left the platform.
 */
async function runTests(
  name: string,
  selected: string[],
  concurrency: number,
  extra: NodeJS.ProcessEnv,
): Promise<number> {
  if (selected.length === 0) return 0
  const report = join(root, '.cache', `failures-${name}.jsonl`)
  rmSync(report, { force: true })
  const code = await run(
    process.execPath,
    [
      '--test',
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      `--test-reporter=${join(root, 'test/support/failure-report.ts')}`,
      `--test-reporter-destination=${report}`,
      '--test-timeout=600000',
      `--test-concurrency=${concurrency}`,
      ...selected,
    ],
    extra,
  )
  const found = readFailures(report)
  failures.push(...found)
  const failed = new Set(found.map(({ file }) => file))
  // A runner that failed without a word of one of these files may have left out any of them.
  if (code === 0 || selected.some((file) => failed.has(file)))
    for (const file of selected) if (!failed.has(file)) pending.delete(file)
  keepPending()
  return code
}

function keepPending(): void {
  writeFileSync(lastRun, JSON.stringify([...pending]))
}

function readFailures(report: string): Failure[] {
  if (!existsSync(report)) return []
  const lines = readFileSync(report, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Failure)
}

/** With the cluster that ATRIUM_TEST_SLURM describes, or one of the run's own; without any, those tests skip that need it. */
function runSlurmTests(): Promise<number> {
  return runOnCluster('slurm', slurmFiles, {
    variable: 'ATRIUM_TEST_SLURM',
    findMissing,
    start: startSlurmCluster,
  })
}

/** As for Slurm, but on two clusters side by side where there are many: they are quick to start, and the whole would take half an hour. */
async function runKubernetesTests(): Promise<number> {
  const variable = 'ATRIUM_TEST_KUBERNETES'
  const isOne = kubernetesFiles.length < filesForTwoClusters || process.env[variable] !== undefined
  const lanes = isOne
    ? [kubernetesFiles]
    : [0, 1].map((lane) => kubernetesFiles.filter((_, at) => at % 2 === lane))
  const codes = await Promise.all(
    lanes.map((selected, lane) =>
      runOnCluster(`kubernetes-${lane}`, selected, {
        variable,
        findMissing: findMissingForKubernetes,
        start: () => startKubernetesCluster({ name: lane === 0 ? 'tests' : `tests${lane + 1}` }),
      }),
    ),
  )
  return Math.max(...codes)
}

/** Builds take minutes on a machine that has none of them yet: they use what the tests before leave of it. */
async function prepareKubernetes(): Promise<void> {
  if (!values.all || findMissingForKubernetes() !== undefined) return
  // What fails here fails again, and is told, in the test that needs it.
  await run('nice', ['-n', '15', process.execPath, 'test/kubernetes/command.ts', 'prepare']).catch(
    console.error,
  )
}

interface ClusterOfTests {
  /** Where a cluster that runs already is described. */
  variable: string
  findMissing(): string | undefined
  start(): Promise<{ dir: string; stop(): Promise<void> }>
}

async function runOnCluster(
  name: string,
  selected: string[],
  { variable, findMissing: findLacking, start }: ClusterOfTests,
): Promise<number> {
  const runThem = (extra: NodeJS.ProcessEnv) => runTests(name, selected, 1, { ...variables, ...extra })
  if (process.env[variable] !== undefined) return await runThem({})
  const lacking = findLacking()
  if (lacking !== undefined) {
    missing.push(lacking)
    const code = await runThem({})
    for (const file of selected) pending.add(file)
    keepPending()
    return code
  }
  const cluster = await start().catch(console.error)
  if (cluster === undefined) return 1
  // Its daemons are no children of this process: they would outlive an interrupted run.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void cluster.stop().finally(() => process.exit(130)))
  try {
    return await runThem({ [variable]: join(cluster.dir, 'cluster.json') })
  } finally {
    await cluster.stop()
  }
}

function selectFiles(): string[] {
  const every = globSync(
    [
      'contract/src/**/*.test.ts',
      'server/src/**/*.test.ts',
      'cli/src/**/*.test.ts',
      'web/**/*.test.ts',
      'python/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    {
      cwd: root,
      exclude: (path) => path.includes('node_modules'),
    },
  ).sort()
  if (values.failed && existsSync(lastRun)) {
    const failed = JSON.parse(readFileSync(lastRun, 'utf8')) as string[]
    return every.filter((file) => failed.includes(file))
  }
  if (positionals.length > 0) return every.filter((file) => positionals.some((word) => file.includes(word)))
  return values.all ? every : every.filter((file) => !longSuites.some((suite) => file.startsWith(suite)))
}

function run(command: string, args: string[], environment: NodeJS.ProcessEnv = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...environment },
    })
    child.once('error', reject)
    child.once('exit', (exitCode) => resolve(exitCode ?? 1))
  })
}
