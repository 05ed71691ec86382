import assert from 'node:assert/strict'
import { chmod, chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { getUnixAccount } from './accounts.ts'
import { type SlurmCluster, startSlurmCluster } from './cluster.ts'
import { buildLayout } from './layout.ts'
import { machineProgramOf } from './power-programs.ts'
import { findMissing } from './requirements.ts'
import { tryProgram } from './run-program.ts'

const checkout = join(import.meta.dirname, '..', '..')
const name = 'autoscale'

/** Its own cluster: slurmctld runs the platform's programs in it. */
describe('nodes that come and go with the jobs', { skip: findMissing() ?? false }, () => {
  let cluster: SlurmCluster
  let folder: string

  before(async () => {
    folder = await mkdtemp(`/var/tmp/atrium-${name}-`)
    await writePrograms(folder)
    cluster = await startSlurmCluster({
      name,
      resumeProgram: join(folder, 'resume'),
      suspendProgram: join(folder, 'suspend'),
      resumeFailProgram: join(folder, 'resume-fail'),
      resumeTimeout: 10,
      suspendTime: 3,
      extraLines: [`PrologSlurmctld=${join(folder, 'wait-for-nodes')}`],
    })
  })
  after(async () => {
    await cluster?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test('a job makes a real slurmd appear, and the node goes after idling', async () => {
    await configure(folder, [machineProgramOf(buildLayout(name)), 'on', '{node}'])
    const { stdout, stderr } = await cluster.as('alice', 'srun', ['-p', 'cloud', '-N2', 'hostname'])
    assert.deepEqual(stdout.trim().split('\n').sort(), ['c1', 'c2'], stderr)
    await waitFor('both nodes to go', () => !cluster.node('c1').isOn() && !cluster.node('c2').isOn(), {
      deadlineMs: 60_000,
    })
    await waitForLog(folder, 'machines are removed: c1,c2')
    assert.ok((await readLog(folder)).includes('machines are starting: c1,c2'))
  })

  test('a batch job starts when its node has booted, not when slurmctld looks the next time', async () => {
    const job = await submit(cluster, ['-p', 'cloud', '-w', 'c1', '--wrap', 'hostname'])
    await waitFor(
      'it to be done',
      async () => (await show(cluster, job)).includes('JobState=COMPLETED'),
      patience,
    )
    const said = await readFile(join(cluster.dir, 'log', 'slurmctld.log'), 'utf8')
    // Its own look is `job_time_limit: Configuration for ...`.
    assert.match(said, new RegExp(`prolog_running_decr: Configuration for JobId=${job} is complete`))
  })

  test('machines that Slurm has forgotten are swept away', async () => {
    await waitForState(cluster, 'c2 idle~')
    await configure(folder, ['/bin/true', '{node}'], ['/bin/sh', '-c', 'echo n1; echo c2'])
    const { code, stderr } = await cluster.as('slurm', join(folder, 'sweep'), [])
    assert.equal(code, 0, stderr)
    const said = await readLog(folder)
    assert.deepEqual(said.slice(-2), ['machines are there that nobody needs: c2', 'machines are removed: c2'])
  })

  test('a node that cannot be made is given up at once, with the reason, and may be wanted again later', async () => {
    await waitForState(cluster, 'c1 idle~')
    await configure(folder, ['/bin/sh', '-c', 'echo no machines left >&2; exit 1', '{node}'])
    const job = await submit(cluster, ['-p', 'cloud', '-w', 'c1'])
    await waitFor('the job to be requeued', async () => (await show(cluster, job)).includes('Restarts=1'))
    assert.match(await sinfo(cluster), /^c1 down\S* Atrium: no machine: .*no machines left/m)
    await waitFor('nobody to wait for it', async () => (await countWaiting(folder)) === 0)
    await cluster.as('alice', 'scancel', [job])
    await waitForState(cluster, 'c1 idle~')
    await configure(folder, [machineProgramOf(buildLayout(name)), 'on', '{node}'])
    const again = await cluster.as('alice', 'srun', ['-p', 'cloud', '-w', 'c1', 'hostname'])
    assert.equal(again.stdout.trim(), 'c1', again.stderr)
  })

  test('a machine that never answers is removed, and its node may be wanted again', async () => {
    await configure(folder, ['/bin/true', '{node}'])
    const job = await submit(cluster, ['-p', 'cloud', '-w', 'c2'])
    await waitForLog(folder, 'nodes did not answer in time: c2')
    await waitForState(cluster, 'c2 idle~')
    assert.match(await show(cluster, job), /Restarts=1/)
    assert.equal((await readLog(folder)).at(-1), 'machines are removed: c2')
    await cluster.as('alice', 'scancel', [job])
  })

  test('a configuration that cannot be read gives its nodes up at once, and they say so', async () => {
    await writeFile(join(folder, 'atrium.yaml'), 'scheduler: { slurm: { clout: {} } }\n')
    const job = await submit(cluster, ['-p', 'cloud', '-w', 'c2'])
    await waitFor('the job to be requeued', async () => (await show(cluster, job)).includes('Restarts=1'))
    assert.match(await sinfo(cluster), /^c2 down\S* Atrium: .*clout/m)
    await cluster.as('alice', 'scancel', [job])
  })
})

describe('preemption', { skip: findMissing() ?? false }, () => {
  let cluster: SlurmCluster
  before(async () => {
    cluster = await startSlurmCluster({ name })
  })
  after(() => cluster?.stop())

  test('a preemptible job makes room for a more urgent one, and is queued again', async () => {
    const low = await submit(cluster, ['-p', 'low', '-w', 'n1', '--exclusive', '--requeue'])
    await waitFor('it to run', async () => (await show(cluster, low)).includes('JobState=RUNNING'))
    const high = ['-p', 'high', '-w', 'n1', '--exclusive', 'hostname']
    assert.equal((await cluster.as('bob', 'srun', high)).stdout.trim(), 'n1')
    const state = await show(cluster, low)
    assert.match(state, /JobState=PENDING/)
    assert.match(state, /Restarts=1/)
    await cluster.as('alice', 'scancel', [low])
  })
})

/** The programs that slurm.conf names: it has no place for arguments, and gives them an empty environment. */
async function writePrograms(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const verb of ['resume', 'suspend', 'resume-fail', 'sweep']) {
    const script = `#!/bin/sh
exec ${process.execPath} ${checkout}/cli/bin/atrium.mjs slurm ${verb} --config ${folder}/atrium.yaml "$@"
`
    await writeFile(join(folder, verb), script, { mode: 0o755 })
  }
  const wait = await readFile(join(checkout, 'deploy/slurm/wait-for-nodes'), 'utf8')
  const environment = `export SLURM_CONF=${buildLayout(name).configFile}`
  await writeFile(join(folder, 'wait-for-nodes'), wait.replace('\n', `\n${environment}\n`), { mode: 0o755 })
  const { uid, gid } = getUnixAccount('slurm')
  await writeFile(join(folder, 'machines.log'), '')
  await chown(join(folder, 'machines.log'), uid, gid)
}

/** Programs that hold a job back. */
async function countWaiting(folder: string): Promise<number> {
  const { stdout } = await tryProgram('ps', ['-eo', 'args'])
  return stdout.split('\n').filter((line) => line.includes(join(folder, 'wait-for-nodes'))).length
}

async function configure(folder: string, resume: readonly string[], list = ['/bin/true']): Promise<void> {
  const suspend = [machineProgramOf(buildLayout(name)), 'off', '{node}']
  const pools = [{ nodes: 'c[1-2]', command: { resume, suspend, list } }]
  const cloud = { logFile: join(folder, 'machines.log'), pools }
  await writeFile(join(folder, 'atrium.yaml'), JSON.stringify({ scheduler: { slurm: { cloud } } }))
}

/** Slurm looks at its nodes' timeouts every now and then. */
const patience = { deadlineMs: 60_000 }

async function sinfo(cluster: SlurmCluster): Promise<string> {
  return (await cluster.as('alice', 'sinfo', ['-h', '-N', '-p', 'cloud', '-o', '%N %t %E'])).stdout
}

async function waitForState(cluster: SlurmCluster, line: string): Promise<void> {
  await waitFor(`sinfo to say ${line}`, async () => (await sinfo(cluster)).includes(line), patience)
}

async function waitForLog(folder: string, line: string): Promise<void> {
  await waitFor(`the log to have: ${line}`, async () => (await readLog(folder)).includes(line), patience)
}

/** `message: nodes` of each line. */
async function readLog(folder: string): Promise<readonly string[]> {
  const lines = (await readFile(join(folder, 'machines.log'), 'utf8')).trim().split('\n')
  return lines.map((line) => {
    const { msg, nodes, node } = JSON.parse(line || '{}') as { msg?: string; nodes?: string[]; node?: string }
    return `${msg}: ${nodes ?? node}`
  })
}

async function submit(cluster: SlurmCluster, options: readonly string[]): Promise<string> {
  const args = ['--parsable', '--output=/dev/null', ...options]
  const input = options.includes('--wrap') ? {} : { input: '#!/bin/sh\nsleep 600\n' }
  const { stdout, stderr } = await cluster.as('alice', 'sbatch', args, input)
  assert.match(stdout, /^\d+/, stderr)
  return stdout.trim()
}

async function show(cluster: SlurmCluster, job: string): Promise<string> {
  return (await cluster.as('alice', 'scontrol', ['show', 'job', job])).stdout
}
