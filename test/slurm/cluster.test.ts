import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { runProgram, tryProgram } from '../support/cluster/run-program.ts'
import { openSlurmCluster, type SlurmCluster, startSlurmCluster } from './cluster.ts'
import { buildLayout } from './layout.ts'
import { findMissing } from './requirements.ts'

/** Beside the one that the test run shares: this one is killed. */
const name = 'lifecycle'
const layout = buildLayout(name)

describe('the Slurm cluster of the tests', { skip: findMissing() ?? false }, () => {
  let cluster: SlurmCluster

  before(async () => {
    await leaveKilledRun()
    cluster = await startSlurmCluster({ name })
  })
  after(() => cluster?.stop())

  test('starts over what a killed run left, with three idle hosts', async () => {
    const { stdout } = await cluster.as('alice', 'sinfo', ['-h', '-N', '-p', 'main', '-o', '%N %t'])
    assert.deepEqual(stdout.trim().split('\n'), ['n1 idle', 'n2 idle', 'n3 idle'])
  })

  test('runs a job on each host, which has a name, an address and a /tmp of its own', async () => {
    const script =
      'touch /tmp/$(hostname); echo $(hostname) $(cd /tmp; ls -d n?) $(ip -brief address show eth0)'
    const { stdout } = await cluster.as('alice', 'srun', ['-N3', 'sh', '-c', script])
    const lines = stdout.trim().split('\n').sort()
    assert.deepEqual(
      lines.map((line) => line.split(' ').slice(0, 2)),
      [
        ['n1', 'n1'],
        ['n2', 'n2'],
        ['n3', 'n3'],
      ],
    )
    cluster.nodes.slice(0, 3).forEach(({ address }, i) => {
      assert.match(lines[i] ?? '', new RegExp(`${address}/24`))
    })
  })

  test('kills a job that takes more memory than it asked for, and accounting knows', async () => {
    const script = '#!/bin/sh\nexec python3 -c "bytearray(300 * 1024 * 1024)"\n'
    const batch = ['--parsable', '--mem=50', '--output=/dev/null']
    const submitted = await cluster.as('alice', 'sbatch', batch, { input: script })
    const job = submitted.stdout.trim()
    await waitFor('accounting has the end of the job', async () => {
      const fields = ['-n', '-X', '-P', '-j', job, '-o', 'state,exitcode,user,account,qos']
      const { stdout } = await cluster.as('alice', 'sacct', fields)
      return stdout.trim() === 'OUT_OF_MEMORY|0:125|alice|physics|normal'
    })
  })

  test('gives a job the cores it asked for and no more', async () => {
    const { stdout } = await cluster.as('bob', 'srun', ['-n1', '-c1', 'nproc'])
    assert.equal(stdout.trim(), '1')
  })

  test('lets people use what their accounts allow', async () => {
    const refused = await cluster.as('carol', 'srun', ['--qos=high', 'true'])
    assert.match(refused.stderr, /Invalid qos specification/)
    assert.equal((await cluster.as('bob', 'srun', ['-A', 'biology', 'true'])).code, 0)
    assert.notEqual((await cluster.as('alice', 'srun', ['-A', 'biology', 'true'])).code, 0)
  })

  test('has a gpu on one host', async () => {
    const job = ['--gres=gpu:1', 'sh', '-c', 'echo $(hostname) $CUDA_VISIBLE_DEVICES']
    const { stdout } = await cluster.as('alice', 'srun', job)
    assert.equal(stdout.trim(), 'n3 0')
  })

  test('answers over REST to who has a token', async () => {
    const ping = (headers: Record<string, string>) =>
      fetch(`${cluster.restUrl}/slurm/v0.0.38/ping`, { headers })
    const answer = await ping({
      'x-slurm-user-name': 'alice',
      'x-slurm-user-token': cluster.token('alice'),
    })
    assert.match(await answer.text(), /"ping": "UP"/)
    assert.equal((await ping({})).status, 401)
  })

  test('powers a cloud host on for a job', async () => {
    assert.equal(cluster.node('c1').isOn(), false)
    const { stdout } = await cluster.as('alice', 'srun', ['-p', 'cloud', 'hostname'])
    assert.equal(stdout.trim(), 'c1')
    assert.equal(cluster.node('c1').isOn(), true)
  })

  test('stops daemons and hosts, and starts them again', async () => {
    const ping = () => cluster.as('alice', 'scontrol', ['ping'])
    await cluster.daemon('slurmctld').kill()
    assert.match((await ping()).stdout, /DOWN/)
    await cluster.daemon('slurmctld').start()
    assert.match((await ping()).stdout, /UP/)
    await cluster.node('n2').powerOff()
    assert.equal(cluster.node('n2').isOn(), false)
    await cluster.node('n2').powerOn()
    const { stdout } = await cluster.as('alice', 'srun', ['-w', 'n2', 'hostname'])
    assert.equal(stdout.trim(), 'n2')
  })

  test('leaves nothing', async () => {
    await cluster.stop()
    assert.equal(existsSync(layout.dir), false)
    assert.deepEqual(
      readdirSync('/sys/fs/cgroup').filter((h) => existsSync(join('/sys/fs/cgroup', h, layout.cgroup))),
      [],
    )
    assert.equal((await tryProgram('ip', ['link', 'show', layout.bridge])).code, 1)
    assert.doesNotMatch(await runProgram('ps', ['-eo', 'args']), new RegExp(layout.dir))
    assert.doesNotMatch(readFileSync('/proc/mounts', 'utf8'), new RegExp(layout.dir))
  })
})

/** A whole cluster whose owner was killed: daemons, hosts and lock are still there. */
async function leaveKilledRun(): Promise<void> {
  const program = `
    import { startSlurmCluster } from '${join(import.meta.dirname, 'cluster.ts')}'
    await startSlurmCluster({ name: '${name}' })
    process.kill(process.pid, 'SIGKILL')`
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'inherit' })
  await new Promise((resolve) => owner.once('exit', resolve))
  const left = openSlurmCluster(JSON.parse(readFileSync(layout.descriptionFile, 'utf8')))
  assert.notEqual(left.daemon('slurmctld').pid(), undefined)
  assert.equal(left.node('n1').isOn(), true)
}
