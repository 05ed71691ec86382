import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { systemClock } from '@atrium/server/platform/clock.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { JobHandle, Observation } from '@atrium/server/scheduler/job.ts'
import type { Scheduler } from '@atrium/server/scheduler/scheduler.ts'

import type { KubernetesCluster } from './cluster.ts'
import { type DriverJobs, openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace, namespace } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const patience = { deadlineMs: 180_000 }
const skewMs = 15 * 60_000

/** What breaks around jobs that run, on a real cluster. Everything is mended again at the end of its test. */
describe('a cluster in trouble', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let site: DriverSite
  let jobs: DriverJobs

  before(async () => {
    cluster = openSharedKubernetesCluster()
    await ensureNamespace(cluster)
    site = await createDriverSite(cluster)
    jobs = openDriverJobs(site, site.scheduler)
  })
  after(() => site?.dispose())

  const serve = () =>
    jobs.submit(jobs.spec(jobs.program('serve', '{port:web}', 'hello'), { kind: 'server', ports: ['web'] }))
  const isServing = (seen: Extract<Observation, { state: 'running' }>) => seen.endpoint !== undefined
  const observe = async (handle: JobHandle, scheduler: Scheduler = site.scheduler) => {
    const seen = await scheduler.observe([handle], { signal: AbortSignal.timeout(30_000) })
    return seen.get(handle.key)
  }
  const answers = async (handle: JobHandle) => {
    const pod = JSON.parse(
      await cluster.kubectl('get', 'pod', handle.ref, '--namespace', namespace, '--output=json'),
    ) as { status: { podIP: string } }
    return await (await fetch(`http://${pod.status.podIP}:8000/`)).text()
  }
  /** As an administrator does it who will not wait. */
  const remove = ({ ref }: JobHandle) =>
    cluster.kubectl('delete', 'pod', ref, '--namespace', namespace, '--force', '--grace-period=0')
  const end = async (handle: JobHandle) => {
    await jobs.cancel(handle)
    await jobs.until(handle, 'ended')
  }

  test('without its database is unknown within seconds, and the job runs on', async (t) => {
    const handle = await serve()
    await jobs.until(handle, 'running', isServing)
    t.after(() => cluster.daemon('etcd').start())
    await cluster.daemon('etcd').kill()
    await waitFor('it to be unknown', async () => (await observe(handle))?.state === 'unknown', patience)
    await assert.rejects(site.scheduler.list({ signal: AbortSignal.timeout(60_000) }), {
      code: 'scheduler_unavailable',
    })
    await cluster.daemon('etcd').start()
    await waitFor('it to be known again', async () => (await observe(handle))?.state === 'running', patience)
    assert.equal(await answers(handle), 'hello')
    await end(handle)
  })

  test('that drops all packets without a word is noticed, and known again afterwards', async (t) => {
    const handle = await serve()
    await jobs.until(handle, 'running', isServing)
    const rule = ['INPUT', '-p', 'tcp', '--dport', '6443', '-s', cluster.controlAddress, '-j', 'DROP']
    const mend = () => cluster.run(['iptables', '-D', ...rule])
    t.after(mend)
    await cluster.run(['iptables', '-I', ...rule])
    await waitFor('it to be unknown', async () => (await observe(handle))?.state === 'unknown', patience)
    await mend()
    await waitFor('it to be known again', async () => (await observe(handle))?.state === 'running', patience)
    await end(handle)
  })

  test('that drops packets of the watch alone is noticed by its silence', async (t) => {
    const handle = await serve()
    await jobs.until(handle, 'running', isServing)
    const ports = await listOwnPorts(cluster)
    const rules = ports.flatMap((port) =>
      ['INPUT', 'OUTPUT'].map((chain) => [
        ...[chain, '-p', 'tcp', chain === 'INPUT' ? '--sport' : '--dport', port],
        ...['-m', 'tcp', chain === 'INPUT' ? '--dport' : '--sport', '6443', '-j', 'DROP'],
      ]),
    )
    t.after(async () => {
      for (const rule of rules) await cluster.run(['iptables', '-D', ...rule])
    })
    for (const rule of rules) await cluster.run(['iptables', '-I', ...rule])
    // Its change cannot come by the watch that was cut.
    await remove(handle)
    const seen = await jobs.until(handle, 'ended')
    assert.equal(seen.exit.reason, 'not_observed')
  })

  test('that has forgotten what a watch goes on from (410) is read anew', async (t) => {
    const handle = await serve()
    await jobs.until(handle, 'running', isServing)
    const pods = `/api/v1/namespaces/${namespace}/pods`
    const { metadata } = JSON.parse(await cluster.kubectl('get', '--raw', `${pods}?limit=1`)) as {
      metadata: { resourceVersion: string }
    }
    // Its history goes on, without a word of it to those who watch pods.
    for (const value of ['one', 'two'])
      await cluster.apply({
        ...{ apiVersion: 'v1', kind: 'ConfigMap', data: { value } },
        metadata: { name: 'history', namespace },
      })
    const server = cluster.daemon('kube-apiserver')
    t.after(() => server.start())
    await server.kill()
    await waitFor('it to be unknown', async () => (await observe(handle))?.state === 'unknown', patience)
    await server.start()
    const since = `watch=true&timeoutSeconds=1&resourceVersion=${metadata.resourceVersion}`
    assert.match(await cluster.kubectl('get', '--raw', `${pods}?${since}`), /"code":410/)
    await waitFor('it to be known again', async () => (await observe(handle))?.state === 'running', patience)
    assert.equal(await answers(handle), 'hello')
    // By the new watch.
    await remove(handle)
    assert.equal((await jobs.until(handle, 'ended')).exit.reason, 'not_observed')
  })

  test('whose node falls silent says so, gives back what is cancelled, and runs nothing twice', async (t) => {
    const [kept, unwanted, deleted] = [await serve(), await serve(), await serve()]
    for (const handle of [kept, unwanted, deleted]) await jobs.until(handle, 'running', isServing)
    t.after(() => cluster.daemon('kubelet').start())
    await cluster.daemon('kubelet').kill()
    await waitFor(
      'the node to be missed',
      async () => {
        const seen = await observe(kept)
        return seen?.state === 'running' && /node does not answer/.test(seen.reason ?? '')
      },
      patience,
    )
    assert.equal(await answers(kept), 'hello')
    // It has its time to end: a node may only seem silent.
    await jobs.cancel(unwanted, 5000)
    assert.notEqual((await observe(unwanted))?.state, 'ended')
    await jobs.until(unwanted, 'ended')
    // As Kubernetes itself does it after five minutes.
    await cluster.kubectl('delete', 'pod', deleted.ref, '--namespace', namespace, '--wait=false')
    const lost = await jobs.until(deleted, 'ended')
    assert.deepEqual([lost.exit.state, lost.exit.reason], ['failed', 'node_lost'])
    const listed = await site.scheduler.list({ signal: AbortSignal.timeout(30_000) })
    const keys = new Set(listed.map(({ key }) => key))
    assert.deepEqual(
      [kept, unwanted, deleted].map(({ key }) => keys.has(key)),
      [true, false, false],
    )
    await cluster.daemon('kubelet').start()
    await waitFor(
      'the node to end what was given up',
      async () => {
        const names = await cluster.kubectl(
          ...['get', 'pods', '--namespace', namespace, '--selector', site.selector, '--output=name'],
        )
        return names.includes(kept.ref) && !names.includes(deleted.ref) && !names.includes(unwanted.ref)
      },
      patience,
    )
    await waitFor(
      'the kept one to be as before',
      async () => {
        const seen = await observe(kept)
        return seen?.state === 'running' && seen.reason === undefined
      },
      patience,
    )
    assert.equal((await jobs.until(kept, 'running')).endpoint !== undefined, true)
    await end(kept)
  })

  test('whose API server is elsewhere now, or knows other tokens, is found by what stands in the kubeconfig', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'atrium-kubeconfig-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const [kubeconfig, right] = [join(folder, 'config'), readFileSync(cluster.kubeconfig, 'utf8')]
    copyFileSync(cluster.kubeconfig, kubeconfig)
    const scheduler = site.open({ config: { kubeconfig } })
    const handle = await serve()
    await jobs.until(handle, 'running', isServing)
    await waitFor('it to be seen', async () => (await observe(handle, scheduler))?.state === 'running')
    // Nothing listens there.
    writeFileSync(kubeconfig, right.replaceAll(':6443', ':6444'))
    await assert.rejects(
      scheduler.forget([{ ...handle, ref: 'nothing' }], { signal: AbortSignal.timeout(60_000) }),
      { code: 'scheduler_unavailable' },
    )
    const token = (
      await cluster.kubectl('create', 'token', 'default', '--namespace', namespace, '--duration=10m')
    ).trim()
    const withToken = JSON.stringify(buildTokenConfig(cluster, token))
    writeFileSync(kubeconfig, withToken.replace(token, `${token.slice(0, -6)}zzzzzz`))
    await waitFor(
      'it to be unknown to the server',
      async () => {
        const seen = await observe(handle, site.open({ config: { kubeconfig } }))
        return seen?.state === 'unknown' && /does not know us/.test(seen.why)
      },
      patience,
    )
    writeFileSync(kubeconfig, right)
    await waitFor(
      'it to be seen again',
      async () => (await observe(handle, scheduler))?.state === 'running',
      patience,
    )
    await scheduler.forget([{ ...handle, ref: 'nothing' }], { signal: AbortSignal.timeout(60_000) })
    await end(handle)
  })

  for (const [title, byMs] of [
    ['ahead', skewMs],
    ['behind', -skewMs],
  ] as const)
    test(`whose clocks are a quarter of an hour ${title} keeps time limits and starts`, async () => {
      const clock = { ...systemClock, now: () => Date.now() - byMs }
      const scheduler = site.open({ clock })
      const ours = openDriverJobs(site, scheduler)
      const handle = await ours.submit(ours.spec(ours.program('wait'), { timeLimitMs: 8000 }))
      const seen = await ours.until(handle, 'running', ({ cpuSeconds }) => cpuSeconds !== undefined)
      assert.ok(Math.abs((seen.startedAtMs ?? 0) - Date.now()) < 60_000)
      const { exit } = await ours.until(handle, 'ended')
      assert.equal(exit.reason, 'time_limit')
    })
})

/** Of connections that this process has to the API server now: only watches last. */
async function listOwnPorts(cluster: KubernetesCluster): Promise<string[]> {
  const lines = execFileSync('ss', ['-Htnp', 'state', 'established', 'dst', cluster.node.address], {
    encoding: 'utf8',
  })
  const own = lines.split('\n').filter((line) => line.includes(`pid=${process.pid},`))
  return own.flatMap((line) => /:(\d+)\s+\S+:6443\s/.exec(line)?.[1] ?? [])
}

function buildTokenConfig({ apiUrl }: KubernetesCluster, token: string): object {
  return {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'tests' },
    clusters: [{ name: 'tests', cluster: { server: apiUrl, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'tests', user: { token } }],
    contexts: [{ name: 'tests', context: { cluster: 'tests', user: 'tests' } }],
  }
}
