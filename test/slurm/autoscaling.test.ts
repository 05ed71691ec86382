import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { startTestAws } from '../support/moto.ts'
import { type AutoscaleSite, patience, startAutoscaleSite } from './autoscale-site.ts'
import type { SlurmCluster } from './cluster.ts'
import { findMissing } from './requirements.ts'

describe('nodes that come and go with the jobs, and jobs that go for others', {
  skip: findMissing() ?? false,
}, () => {
  let site: AutoscaleSite
  let cluster: SlurmCluster

  before(async () => {
    site = await startAutoscaleSite('autoscale')
    cluster = site.cluster
  })
  after(() => site?.dispose())

  test('a job makes a real slurmd appear, and the node goes after idling', async () => {
    await site.configure(site.powerOn)
    const { stdout, stderr } = await cluster.as('alice', 'srun', ['-p', 'cloud', '-N2', 'hostname'])
    assert.deepEqual(stdout.trim().split('\n').sort(), ['c1', 'c2'], stderr)
    await waitFor('both nodes to go', () => !cluster.node('c1').isOn() && !cluster.node('c2').isOn(), {
      deadlineMs: 60_000,
    })
    await site.waitForLog('machines are removed: c1,c2')
    assert.ok((await site.readLog()).includes('machines are starting: c1,c2'))
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
    await site.waitForState('c2 idle~')
    await site.configure(['/bin/true', '{node}'], ['/bin/sh', '-c', 'echo n1; echo c2'])
    const { code, stderr } = await site.runProgram('sweep')
    assert.equal(code, 0, stderr)
    const said = await site.readLog()
    assert.deepEqual(said.slice(-2), ['machines are there that nobody needs: c2', 'machines are removed: c2'])
  })

  test('a node that cannot be made is given up at once, with the reason, and may be wanted again later', async () => {
    await site.waitForState('c1 idle~')
    await site.configure(['/bin/sh', '-c', 'echo no machines left >&2; exit 1', '{node}'])
    const job = await submit(cluster, ['-p', 'cloud', '-w', 'c1'])
    await waitFor('the job to be requeued', async () => (await show(cluster, job)).includes('Restarts=1'))
    assert.match(await site.sinfo(), /^c1 down\S* Atrium: no machine: .*no machines left/m)
    await waitFor('nobody to wait for it', async () => (await site.countWaiting()) === 0)
    await cluster.as('alice', 'scancel', [job])
    await site.waitForState('c1 idle~')
    await site.configure(site.powerOn)
    const again = await cluster.as('alice', 'srun', ['-p', 'cloud', '-w', 'c1', 'hostname'])
    assert.equal(again.stdout.trim(), 'c1', again.stderr)
  })

  test('a machine that never answers is removed, and its node may be wanted again', async () => {
    await site.configure(['/bin/true', '{node}'])
    const job = await submit(cluster, ['-p', 'cloud', '-w', 'c2'])
    await site.waitForLog('nodes did not answer in time: c2')
    await site.waitForState('c2 idle~')
    assert.match(await show(cluster, job), /Restarts=1/)
    assert.equal((await site.readLog()).at(-1), 'machines are removed: c2')
    await cluster.as('alice', 'scancel', [job])
  })

  test('a configuration that cannot be read gives its nodes up at once, and they say so', async () => {
    await site.writeConfig('scheduler: { slurm: { clout: {} } }\n')
    const job = await submit(cluster, ['-p', 'cloud', '-w', 'c2'])
    await waitFor('the job to be requeued', async () => (await show(cluster, job)).includes('Restarts=1'))
    assert.match(await site.sinfo(), /^c2 down\S* Atrium: .*clout/m)
    await cluster.as('alice', 'scancel', [job])
  })

  test('slurmctld is told where a machine of EC2 is', async () => {
    const aws = await startTestAws()
    try {
      const ec2 = {
        region: 'eu-central-1',
        endpoint: aws.endpoint,
        image: 'ami-1',
        instanceTypes: ['m5.large'],
      }
      await site.writePools([{ nodes: 'c[1-2]', aws: ec2 }])
      const credentials = { AWS_ACCESS_KEY_ID: 'tests', AWS_SECRET_ACCESS_KEY: 'tests' }
      const resumed = await site.runProgram('resume', ['c1'], credentials)
      assert.equal(resumed.code, 0, resumed.stderr)
      const { stdout } = await cluster.as('alice', 'scontrol', ['show', 'node', 'c1'])
      const [, address, hostname] = /NodeAddr=(\S+) NodeHostName=(\S+)/.exec(stdout) ?? []
      assert.match(address ?? '', /^10\.(?!77\.)/)
      assert.equal(hostname, `ip-${address?.replaceAll('.', '-')}`)
      assert.equal((await site.runProgram('suspend', ['c1'], credentials)).code, 0)
    } finally {
      await aws.stop()
    }
  })

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
