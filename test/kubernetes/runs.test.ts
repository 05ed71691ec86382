import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { RunDetail } from '@atrium/contract/runs-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { ensureMpiEnvironment, mpiSkipReason } from '../support/mpi-environment.ts'
import { runCli, startCli } from '../support/platform.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const patient = { deadlineMs: 150_000, everyMs: 200 }

describe('atrium run on a Kubernetes cluster', { skip: kubernetesSkipReason || mpiSkipReason }, () => {
  let site: PlatformSite
  let environment: NodeJS.ProcessEnv

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
  /** Her home, as this machine sees it: files by which a test tells programs to go on. */
  const give = (sign: string) => writeFileSync(join(site.root, 'homes', 'alice', sign), '')
  const waitingFor = (sign: string) => `until test -e ~/${sign}; do sleep 0.1; done`
  /** Pods that have not ended. */
  const listPods = async () =>
    (await site.kubectl('get', 'pods', '--field-selector=status.phase=Running', '--output=name')).trim()

  before(async () => {
    const bodo = await ensureMpiEnvironment('bodo')
    site = await startPlatformSite(openSharedKubernetesCluster(), {
      profiles: [
        { name: 'small', cpu: 0.2, memory: '64M', default: true },
        { name: 'bodo', cpu: 0.5, memory: '700M', environment: bodo },
      ],
    })
    await site.platform.api('POST', '/hub/api/users/alice')
    const tokens = '/hub/api/users/alice/tokens'
    const { body } = await site.platform.api<{ token: string }>('POST', tokens, { body: {} })
    environment = { ATRIUM_URL: site.platform.url, ATRIUM_TOKEN: body.token }
  })
  after(() => site?.dispose())

  test('output and exit status come from a pod, where the program is its owner’s', async () => {
    const value = 'of-a-variable-that-is-nobodys-business'
    const program = `echo $HOME $(id -u) $(hostname); test "$A" = ${value} && exit 7`
    const { code, stdout, stderr } = await atrium('run', '--env', `A=${value}`, '--', 'sh', '-c', program)
    assert.equal(code, 7, stderr)
    assert.match(stdout, /^\/home\/alice 20000 atrium-\S+\n$/)
    const seen = await site.kubectl('get', 'pods,events,configmaps', '--output=yaml')
    assert.ok(!seen.includes(value))
  })

  test('each job of an array has its number and its output', async () => {
    const program = `${waitingFor('array')}; echo I am $ATRIUM_ARRAY_INDEX`
    const started = await atrium('run', '--detach', '--array', '1-6', '--', 'sh', '-c', program)
    const id = started.stdout.trim()
    await waitFor('a pod of it to run', async () => (await listPods()) !== '', patient)
    give('array')
    const run = await untilEnded(id)
    assert.deepEqual([run.state, run.jobs.succeeded], ['succeeded', 6])
    assert.equal((await atrium('jobs', 'log', id, '--index', '4')).stdout, 'I am 4\n')
  })

  test('Bodo computes on the ranks of a run, and says what pandas says', async () => {
    const script = join(import.meta.dirname, '..', 'support', 'mpi', 'bodo_groupby.py')
    await atrium('run', '--', 'true')
    writeFileSync(join(site.root, 'homes', 'alice', 'groupby.py'), readFileSync(script))
    const { code, stdout, stderr } = await atrium(
      ...['run', '--profile', 'bodo', '-n', '2', '--', 'python', '/home/alice/groupby.py'],
    )
    assert.equal(code, 0, stderr + stdout)
    assert.match(stdout, /equal to pandas: 1000 groups over 2 ranks, fewer here: True/)
  })

  test('cancelling ends what runs and what waits', async () => {
    const run = startCli(['run', '--array', '0-19', '--', 'sh', '-c', 'echo on; sleep 1000'], environment)
    await waitFor('one to run', () => run.stdout().includes('on\n'), patient)
    run.kill('SIGINT')
    assert.equal(await run.exited, 130, run.stderr())
    await waitFor('no pod of hers to run', async () => (await listPods()) === '', patient)
  })

  test('the control plane is killed: output goes on where it was, the exit status is right', async () => {
    const program = `i=0; until test -e ~/killed; do echo $i; i=$((i+1)); sleep 0.1; done; exit 5`
    const run = startCli(['run', '--', 'sh', '-c', program], environment)
    await waitFor('output', () => run.stdout().includes('3\n'), patient)
    await site.platform.kill()
    const { length } = run.stdout()
    await site.platform.startAgain()
    await waitFor('more output', () => run.stdout().length > length + 10, patient)
    give('killed')
    assert.equal(await run.exited, 5, run.stderr())
    const lines = run.stdout().trimEnd().split('\n')
    assert.deepEqual(
      lines,
      lines.map((_, index) => String(index)),
    )
  })

  test('a failed job is run again in a new pod', async () => {
    const program = 'hostname; test -e ~/was-$ATRIUM_RUN_ID || { touch ~/was-$ATRIUM_RUN_ID; exit 3; }'
    const { code, stdout, stderr } = await atrium('run', '--retries', '1', '--', 'sh', '-c', program)
    assert.equal(code, 0, stderr)
    assert.equal(new Set(stdout.trim().split('\n')).size, 2, stdout)
  })

  test('a schedule runs its command in a pod', async () => {
    const made = await atrium('schedules', 'add', '--cron', '* * * * *', '--', 'touch', '/home/alice/tick')
    assert.equal(made.code, 0, made.stderr + made.stdout)
    const ticked = () => existsSync(join(site.root, 'homes', 'alice', 'tick'))
    await waitFor('its program to have run', ticked, patient)
  })
})
