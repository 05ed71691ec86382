import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { buildTestEnvironment } from '@atrium/server/scheduler/drivers/local/testing.ts'
import type { JobHandle, JobSpec, Observation } from '@atrium/server/scheduler/job.ts'
import type { Daemon } from '../support/cluster/daemon.ts'
import type { SlurmCluster } from './cluster.ts'
import { createDriverSite, type DriverSite } from './driver-site.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'
import { openWarmDoor } from './warm-doors.ts'
import { attackModule, probeModule } from './warm-programs.ts'

const secret = `secret-${randomBytes(8).toString('hex')}`
const deadlineMs = 60_000
/** No wish for a warm start. */
const cold = { warm: undefined } as unknown as Partial<JobSpec>
const nodes = ['n1', 'n2', 'n3']
const door = '/run/atrium/warm.sock'

describe('the warm door of a Slurm node', { skip: slurmSkipReason }, () => {
  let cluster: SlurmCluster
  let site: DriverSite
  let dir: string
  let doors: readonly Daemon[]
  const prefix = () => join(dir, 'environment')

  before(async () => {
    cluster = openSharedSlurmCluster()
    site = await createDriverSite(cluster)
    dir = mkdtempSync('/var/tmp/atrium-warm-')
    await buildTestEnvironment(prefix(), { warm_probe: probeModule, warm_attacks: attackModule })
    cpSync(join(import.meta.dirname, '../../python/src/atrium_node'), join(dir, 'atrium_node'), {
      recursive: true,
    })
    await cluster.node('n1').run('chmod', ['755', dir])
    const place = { prefix: prefix(), nodePackage: join(dir, 'atrium_node'), sets: ['notebook'] }
    doors = nodes.map((node) => openWarmDoor(cluster, node, place))
    await all((daemon) => daemon.start())
  })
  after(async () => {
    await all((daemon) => daemon.stop())
    await site?.dispose()
    rmSync(dir, { recursive: true, force: true })
  })

  const all = (act: (daemon: Daemon) => Promise<void>) => Promise.all((doors ?? []).map(act))

  async function submit(args: readonly string[], more: Partial<JobSpec> = {}): Promise<JobHandle> {
    const spec: JobSpec = {
      key: `warm-${randomBytes(8).toString('hex')}-1`,
      kind: 'server',
      owner: site.owner,
      command: [join(prefix(), 'bin', 'probe'), ...args],
      environment: { PATH: '/usr/bin:/bin', HOME: site.owner.home, TOKEN: secret },
      workingDirectory: site.workingDirectory,
      resources: { cpu: 1, memoryBytes: 200 * 2 ** 20 },
      tasks: 1,
      ports: [],
      warm: { prefix: prefix(), entry: 'jupyterhub.singleuser:main' },
      labels: {},
      ...more,
    }
    const [answer] = await site.scheduler.submit([spec], { signal: AbortSignal.timeout(20_000) })
    assert.equal(answer?.outcome, 'accepted', JSON.stringify(answer))
    return answer.handle
  }

  async function observe(handle: JobHandle): Promise<Observation> {
    const seen = await site.scheduler.observe([handle], { signal: AbortSignal.timeout(20_000) })
    return seen.get(handle.key) ?? { state: 'absent' }
  }

  const untilEnded = (handle: JobHandle) =>
    waitFor(
      'the job to end',
      async () => {
        const seen = await observe(handle)
        return seen.state === 'ended' ? seen : undefined
      },
      { deadlineMs },
    )

  async function output(handle: JobHandle): Promise<string> {
    const chunks: Uint8Array[] = []
    for await (const chunk of site.scheduler.logs(handle, { signal: AbortSignal.timeout(20_000) }))
      chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  }

  const untilOutput = (handle: JobHandle, text: string) =>
    waitFor(`the job to say ${text}`, async () => (await output(handle)).includes(text), { deadlineMs })

  async function show(more: Partial<JobSpec> = {}): Promise<Record<string, unknown>> {
    const handle = await submit(['show', 'an argument', '$(x)\n"'], more)
    const { exit } = await untilEnded(handle)
    const text = await output(handle)
    assert.equal(exit.exitCode, 7, text)
    return JSON.parse(text.replaceAll(/job_\d+/g, 'job_N')) as Record<string, unknown>
  }

  test('gives a job what a process of its own would be: rights, place, limits, variables, arguments, exit status', async () => {
    const { parent, ...warm } = await show()
    assert.match(String(parent), /warm_door/)
    const { parent: launcher, ...own } = await show(cold)
    assert.match(String(launcher), /slurm_job/)
    assert.deepEqual(warm, own)
    assert.equal(warm['token'], secret)
    const places = warm['cgroups'] as Record<string, string>
    for (const controller of ['freezer', 'memory', 'cpuset'])
      assert.match(places[controller] ?? '', /\/job_N\/step_batch/, controller)
  })

  test('holds it to the job’s memory', async () => {
    const { exit } = await untilEnded(await submit(['eat']))
    assert.equal(exit.reason, 'out_of_memory', JSON.stringify(exit))
  })

  test('is where a cancelled job is told to end, and ended with all it started', async () => {
    const handle = await submit(['wait'])
    await untilOutput(handle, 'waiting')
    await site.scheduler.cancel([handle], { graceMs: 2000, signal: AbortSignal.timeout(20_000) })
    const { exit } = await untilEnded(handle)
    assert.equal(exit.state, 'cancelled')
    assert.match(await output(handle), /asked to end/)
    for (const node of nodes) {
      const left = await cluster.node(node).run('pgrep', ['--full', `${prefix()}/bin/probe|sleep 1000`])
      assert.equal(left.stdout, '')
    }
  })

  test('tells how a program ended, by a signal too', async () => {
    const { exit } = await untilEnded(await submit(['die']))
    assert.deepEqual([exit.state, exit.signal], ['failed', 'SIGUSR1'])
  })

  test('can die: its jobs go on, and the next ones start cold until it is back', async () => {
    const handle = await submit(['wait'])
    await untilOutput(handle, 'waiting')
    await all((daemon) => daemon.kill())
    const { parent } = await show()
    assert.match(String(parent), /slurm_job/)
    assert.equal((await observe(handle)).state, 'running')
    await site.scheduler.cancel([handle], { graceMs: 2000, signal: AbortSignal.timeout(20_000) })
    await untilEnded(handle)
    assert.match(await output(handle), /asked to end/)
    await all((daemon) => daemon.start())
    assert.match(String((await show())['parent']), /warm_door/)
  })

  test('serves nobody who is not in a job of Slurm’s', async () => {
    const attacks = join(prefix(), 'bin', 'python')
    const script = ['-c', 'import warm_attacks; warm_attacks.main()', door, prefix()]
    const outside = await cluster
      .node('n1')
      .run('setpriv', ['--reuid', 'bob', '--regid', 'bob', '--init-groups', attacks, ...script])
    expectRefusals(outside.stdout, "Slurm does not keep the asker's job together")
    const asRoot = await cluster.node('n1').run(attacks, script)
    expectRefusals(asRoot.stdout, 'root is not served')
  })

  test('refuses what is not exactly right, and serves the next one', async () => {
    const handle = await submit(['attack', door], cold)
    await untilEnded(handle)
    const lines = (await output(handle)).trim().split('\n')
    const [honest, ...attacks] = lines
    assert.match(honest ?? '', /^honest: a process/)
    assert.ok(attacks.length >= 10, lines.join('\n'))
    for (const line of attacks) assert.match(line, /: (refused|closed)/, lines.join('\n'))
    assert.match(String((await show())['parent']), /warm_door/)
  })
})

/** Who writes to a connection that is refused already may hear of its end before the reason. */
function expectRefusals(output: string, why: string): void {
  const lines = output.trim().split('\n')
  for (const line of lines) assert.ok(line.endsWith(': closed') || line.includes(`: refused ${why}`), line)
  assert.ok(lines.some((line) => line.includes(why)) && lines.length > 10, output)
}
