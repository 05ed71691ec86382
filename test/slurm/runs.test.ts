import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { RunDetail } from '@atrium/contract/runs-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { runCli, startCli } from '../support/platform.ts'
import type { SlurmCluster } from './cluster.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

const patient = { deadlineMs: 120_000, everyMs: 200 }

describe('atrium run on a Slurm cluster', { skip: slurmSkipReason }, () => {
  let cluster: SlurmCluster
  let site: PlatformSite
  let environment: NodeJS.ProcessEnv
  /** What all hosts see: files by which a test tells programs to go on. */
  let signs: string

  const atrium = (...args: string[]) => runCli(args, environment)
  const show = async (id: string) =>
    JSON.parse((await atrium('jobs', 'show', id, '--json')).stdout) as RunDetail
  const untilEnded = (id: string) =>
    waitFor(
      `the end of run ${id}`,
      async () => {
        const run = await show(id)
        return run.endedAtMs === undefined ? undefined : run
      },
      patient,
    )
  /** Programs wait for this file. */
  const waitingFor = (sign: string) => `until test -e ${join(signs, sign)}; do sleep 0.1; done`

  before(async () => {
    cluster = openSharedSlurmCluster()
    signs = mkdtempSync(join(cluster.dir, 'signs-'))
    chmodSync(signs, 0o1777)
    site = await startPlatformSite(cluster, {
      profiles: [{ name: 'small', cpu: 1, memory: '64M' }],
    })
    await site.platform.api('POST', '/hub/api/users/alice')
    const tokens = '/hub/api/users/alice/tokens'
    const { body } = await site.platform.api<{ token: string }>('POST', tokens, { body: {} })
    environment = { ATRIUM_URL: site.platform.url, ATRIUM_TOKEN: body.token }
  })
  after(async () => {
    await site?.dispose()
    rmSync(signs, { recursive: true, force: true })
  })

  test('output and exit status come from the node, and Slurm knows whose it is', async () => {
    const program = 'id -un; test -n "$SLURM_JOB_ID" && echo of Slurm; exit 7'
    const { code, stdout, stderr } = await atrium('run', '--env', 'A=secret', '--', 'sh', '-c', program)
    assert.deepEqual([code, stdout], [7, 'alice\nof Slurm\n'], stderr)
  })

  test('an array is one array of Slurm, and each of its jobs has its number and output', async () => {
    const program = `${waitingFor('array')}; echo I am $ATRIUM_ARRAY_INDEX`
    const started = await atrium('run', '--detach', '--array', '1-12', '--', 'sh', '-c', program)
    const id = started.stdout.trim()
    const ids = await waitFor(
      'all jobs in Slurm',
      async () => {
        const { stdout } = await cluster.as('alice', 'squeue', ['--me', '-h', '-r', '-o', '%F %K'])
        const lines = stdout.trim().split('\n')
        return lines.length === 12 ? lines : undefined
      },
      patient,
    )
    assert.equal(new Set(ids.map((line) => line.split(' ')[0])).size, 1)
    writeFileSync(join(signs, 'array'), '')
    const run = await untilEnded(id)
    assert.deepEqual([run.state, run.jobs.succeeded], ['succeeded', 12])
    assert.equal((await atrium('jobs', 'log', id, '--index', '7')).stdout, 'I am 7\n')
  })

  test('two tasks on two nodes are told apart, and the output is of both', async () => {
    const program = 'echo $ATRIUM_TASK_INDEX on $SLURM_NODEID'
    const { code, stdout, stderr } = await atrium(
      ...['run', '-n', '2', '--nodes', '2', '--mpi', 'none', '--', 'sh', '-c', program],
    )
    assert.equal(code, 0, stderr)
    const lines = stdout.trim().split('\n').sort()
    assert.deepEqual(
      lines.map((line) => line.split(' ')[0]),
      ['0', '1'],
    )
    assert.equal(new Set(lines.map((line) => line.split(' ')[2])).size, 2, stdout)
  })

  test('cancelling ends what runs and what waits in Slurm', async () => {
    const run = startCli(['run', '--array', '0-39', '--', 'sh', '-c', 'echo on; sleep 1000'], environment)
    await waitFor('one to run', () => run.stdout().includes('on\n'), patient)
    run.kill('SIGINT')
    assert.equal(await run.exited, 130, run.stderr())
    await waitFor(
      'nothing of hers in Slurm',
      async () => (await cluster.as('alice', 'squeue', ['--me', '-h'])).stdout === '',
      patient,
    )
  })

  test('the control plane is killed: output goes on where it was, the exit status is right', async () => {
    const program = `i=0; until test -e ${join(signs, 'killed')}; do echo $i; i=$((i+1)); sleep 0.1; done; exit 5`
    const run = startCli(['run', '--', 'sh', '-c', program], environment)
    await waitFor('output', () => run.stdout().includes('3\n'), patient)
    await site.platform.kill()
    const { length } = run.stdout()
    await site.platform.startAgain()
    await waitFor('more output', () => run.stdout().length > length + 10, patient)
    writeFileSync(join(signs, 'killed'), '')
    assert.equal(await run.exited, 5, run.stderr())
    const lines = run.stdout().trimEnd().split('\n')
    assert.deepEqual(
      lines,
      lines.map((_, index) => String(index)),
    )
  })

  test('a failed job is run again as a new job of Slurm', async () => {
    const program = `echo try; test -e ${signs}/was-$ATRIUM_RUN_ID || { touch ${signs}/was-$ATRIUM_RUN_ID; exit 3; }`
    const { code, stdout, stderr } = await atrium('run', '--retries', '1', '--', 'sh', '-c', program)
    assert.deepEqual([code, stdout], [0, 'try\ntry\n'], stderr)
  })
})
