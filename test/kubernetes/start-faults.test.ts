import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { JobSpec } from '@atrium/server/scheduler/job.ts'
import type { Submission } from '@atrium/server/scheduler/scheduler.ts'

import type { KubernetesCluster } from './cluster.ts'
import { type DriverJobs, openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, podPython } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const namespace = `faults-${randomUUID().slice(0, 8)}`
const absentImage = 'registry.invalid/nobody/nothing:1'

/** What keeps a job from starting, on a real cluster: it is said, and nothing waits for ever that cannot come. */
describe('a pod that does not start', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let site: DriverSite
  let jobs: DriverJobs

  const ensureNamespace = () =>
    cluster.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    })
  const inNamespace = (kind: string, name: string, spec: object, apiVersion = 'v1') => ({
    ...{ apiVersion, kind, spec },
    metadata: { name, namespace },
  })
  const kubectl = (...args: string[]) => cluster.kubectl('--namespace', namespace, ...args)
  const submit = async (spec: JobSpec, scheduler = site.scheduler): Promise<Submission> => {
    const [submission] = await scheduler.submit([spec], { signal: AbortSignal.timeout(60_000) })
    assert.ok(submission)
    return submission
  }
  const waiting = (more: Partial<JobSpec> = {}) => jobs.spec(jobs.program('wait'), more)

  before(async () => {
    cluster = openSharedKubernetesCluster()
    await ensureNamespace()
    // As the administrator: what a role of the namespace allows is gone with it.
    const { kubeconfig } = cluster
    site = await createDriverSite(cluster, { namespace, kubeconfig, imagePatienceMs: 8000 })
    jobs = openDriverJobs(site, site.scheduler)
    await waitFor('the namespace to be complete', async () =>
      (await kubectl('get', 'serviceaccounts', '--output=name')).includes('default'),
    )
  })
  after(async () => {
    await site?.dispose()
    await cluster?.kubectl('delete', 'namespace', namespace, '--wait=false')
  })

  test('for want of its image says which, and is given up after a while', async () => {
    const other = site.open({ config: { imagePullPolicy: 'IfNotPresent' } })
    const image = absentImage
    const submission = await submit(waiting({ image }), other)
    assert.equal(submission.outcome, 'accepted')
    const seen = await jobs.until(submission.handle, 'starting', ({ reason }) => reason !== undefined)
    assert.match(
      seen.reason ?? '',
      /image registry\.invalid\/nobody\/nothing:1 cannot be fetched\. .*registry\.invalid/,
    )
    const { exit } = await jobs.until(submission.handle, 'ended')
    assert.deepEqual([exit.state, exit.reason], ['failed', 'start_failed'])
    assert.match(exit.message, /registry\.invalid\/nobody\/nothing:1 cannot be fetched/)
  })

  test('for want of its image ends at once when it is cancelled', async () => {
    const patient = site.open({ config: { imagePullPolicy: 'IfNotPresent', imagePatienceMs: 3_600_000 } })
    const submission = await submit(waiting({ image: `${absentImage}.2` }), patient)
    assert.equal(submission.outcome, 'accepted')
    await jobs.until(submission.handle, 'starting', ({ reason }) => reason !== undefined)
    await patient.cancel([submission.handle], { graceMs: 60_000, signal: AbortSignal.timeout(60_000) })
    assert.equal((await jobs.until(submission.handle, 'ended')).exit.state, 'cancelled')
  })

  test('for an image that has no valid name ends at once', async () => {
    const submission = await submit(waiting({ image: 'NOT AN IMAGE' }))
    if (submission.outcome === 'rejected') return assert.match(submission.message, /image/i)
    assert.equal(submission.outcome, 'accepted')
    const { exit } = await jobs.until(submission.handle, 'ended')
    assert.match(exit.message, /NOT AN IMAGE has no valid name/)
  })

  test('for a volume that does not mount says so, and ends when it is cancelled', async () => {
    const mountPath = '/more'
    const other = site.open({
      config: {
        volumesOf: () => ({
          volumes: [
            { name: 'work', emptyDir: {} },
            { name: 'more', secret: { secretName: 'nobody-made-it' } },
          ],
          mounts: [
            { name: 'work', mountPath: site.workingDirectory },
            { name: 'more', mountPath },
          ],
        }),
      },
    })
    const submission = await submit(waiting(), other)
    assert.equal(submission.outcome, 'accepted')
    const seen = await waitFor(
      'the reason',
      async () => {
        const all = await other.observe([submission.handle], { signal: AbortSignal.timeout(10_000) })
        const one = all.get(submission.handle.key)
        return one?.state === 'starting' && one.reason !== undefined ? one : undefined
      },
      { deadlineMs: 120_000 },
    )
    assert.match(seen.reason ?? '', /nobody-made-it/)
    await jobs.cancel(submission.handle, 60_000)
    assert.equal((await jobs.until(submission.handle, 'ended')).exit.state, 'cancelled')
  })

  test('for want of the cluster’s own quota waits, says so, and goes on when there is room', async () => {
    await cluster.apply(inNamespace('ResourceQuota', 'team', { hard: { 'requests.cpu': '100m' } }))
    await waitFor('the quota to be counted', async () =>
      (await kubectl('get', 'resourcequota', 'team', '--output=jsonpath={.status.hard}')).includes('cpu'),
    )
    const resources = { cpu: 0.1, memoryBytes: 64 << 20 }
    const first = await jobs.submit(waiting({ resources }))
    const second = waiting({ resources })
    const delayed = await submit(second)
    assert.equal(delayed.outcome, 'delayed', JSON.stringify(delayed))
    assert.match(delayed.message, /quota team is used up: it wants requests\.cpu=100m/)
    const tooMuch = await submit(waiting({ resources: { cpu: 0.2 } }))
    assert.equal(tooMuch.outcome, 'rejected', JSON.stringify(tooMuch))
    assert.match(tooMuch.message, /more than the cluster's quota team has/)
    await jobs.cancel(first)
    await jobs.until(first, 'ended')
    const taken = await waitFor('room', async () => {
      const again = await submit(second)
      return again.outcome === 'accepted' ? again : undefined
    })
    await jobs.cancel(taken.handle)
    await kubectl('delete', 'resourcequota', 'team')
  })

  test('for the cluster’s limits and rules is refused in plain words', async () => {
    await cluster.apply(
      inNamespace('LimitRange', 'sizes', { limits: [{ type: 'Container', max: { cpu: '200m' } }] }),
    )
    const large = await submit(waiting({ resources: { cpu: 1 } }))
    assert.equal(large.outcome, 'rejected')
    assert.match(large.message, /\(LimitRange\) do not allow it: maximum cpu usage per Container is 200m/)
    await kubectl('delete', 'limitrange', 'sizes')
    const hostile = site.open({
      config: {
        volumesOf: () => ({
          volumes: [{ name: 'work', hostPath: { path: '/' } }],
          mounts: [{ name: 'work', mountPath: site.workingDirectory }],
        }),
      },
    })
    const insecure = await submit(waiting(), hostile)
    assert.equal(insecure.outcome, 'rejected')
    assert.match(insecure.message, /security standard of the namespace \(restricted:latest\).*hostPath/)
  })

  test('while a webhook of the cluster does not answer waits, and goes on when it is gone', async () => {
    const name = `${namespace}.site.example`
    const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }
    await cluster.apply({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name },
      webhooks: [
        {
          ...{ name, rules: [rule], sideEffects: 'None', admissionReviewVersions: ['v1'] },
          clientConfig: { url: 'https://127.0.0.1:1/' },
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        },
      ],
    })
    const spec = waiting()
    const delayed = await waitFor('the webhook to be asked', async () => {
      const submission = await submit(waiting())
      if (submission.outcome === 'accepted') await jobs.cancel(submission.handle)
      return submission.outcome === 'delayed' ? submission : undefined
    })
    assert.match(delayed.message, /checks new jobs for the cluster \(.*\.site\.example\) does not answer/)
    await cluster.kubectl('delete', 'validatingwebhookconfiguration', name)
    const taken = await waitFor('it to be taken', async () => {
      const submission = await submit(spec)
      return submission.outcome === 'accepted' ? submission : undefined
    })
    await jobs.cancel(taken.handle)
  })

  test('takes nothing of hostile names and values for something else', async (t) => {
    const name = `../../etc\n"$(HOME)' - {{x}} аdmin ${'long '.repeat(60)}`
    const values = [
      '$(HOME)',
      '$$(HOME)',
      `$\{HOME}`,
      '-x',
      '../..',
      'two\nlines',
      '"\'\\',
      'x'.repeat(300),
      'ü→',
    ]
    const environment = Object.fromEntries(values.map((value, index) => [`VALUE_${index}`, value]))
    const spec: JobSpec = {
      ...jobs.spec([...jobs.program('context', ...values)]),
      ...{ owner: { ...site.owner, name }, environment, labels: { hostile: '$(HOME)\n' } },
    }
    const handle = await jobs.submit(spec)
    await jobs.until(handle, 'ended')
    const parts: Uint8Array[] = []
    for await (const part of site.scheduler.logs(handle, { signal: t.signal })) parts.push(part)
    const said = JSON.parse(Buffer.concat(parts).toString()) as {
      argv: string[]
      environment: Record<string, string>
    }
    assert.deepEqual(said.argv, values)
    for (const [variable, value] of Object.entries(environment))
      assert.equal(said.environment[variable], value)
    const shown = await kubectl('get', 'pods', '--output=json')
    assert.ok(!shown.includes('аdmin') && !shown.includes('{{x}}'))
  })

  test('or whose pod and secret were deleted by hand, says so', async () => {
    const handle = await jobs.submit(waiting())
    await jobs.until(handle, 'running')
    await kubectl('delete', 'secret', handle.ref)
    await kubectl('delete', 'pod', handle.ref, '--grace-period=1', '--wait=false')
    const { exit } = await jobs.until(handle, 'ended')
    assert.deepEqual([exit.state, exit.reason], ['failed', 'not_observed'])
    assert.match(exit.message, /deleted by somebody else/)
  })

  test('that another platform with the same names made is not taken for an orphan', async () => {
    const other = site.open({ config: { doorKey: 'of another platform' } })
    const handle = await jobs.submit(waiting())
    const signal = AbortSignal.timeout(60_000)
    const listed = async (scheduler: typeof other) =>
      (await scheduler.list({ signal })).map(({ key }) => key).includes(handle.key)
    await waitFor('the other to see it', async () => (await other.find([handle.key], { signal })).size === 1)
    assert.deepEqual([await listed(site.scheduler), await listed(other)], [true, false])
    const second = site.open()
    const both = await Promise.all(
      [site.scheduler, second].map((scheduler) =>
        submit(jobs.spec(jobs.program('wait'), { key: handle.key }), scheduler),
      ),
    )
    assert.deepEqual(
      both.map(({ outcome }) => outcome),
      ['accepted', 'accepted'],
    )
    assert.equal(
      (await kubectl('get', 'pods', '--selector', `atrium.dev/job=${handle.key}`, '--output=name'))
        .trim()
        .split('\n').length,
      1,
    )
    await jobs.cancel(handle)
    await jobs.until(handle, 'ended')
  })

  test('without a namespace waits until somebody makes it, and nothing is left of forgotten jobs', async () => {
    const signal = AbortSignal.timeout(120_000)
    const { items } = JSON.parse(await kubectl('get', 'pods', '--output=json')) as {
      items: { metadata: { labels: Record<string, string> } }[]
    }
    const keys = items.flatMap(({ metadata }) => metadata.labels['atrium.dev/job'] ?? [])
    const handles = [...(await site.scheduler.find(keys, { signal })).values()]
    await site.scheduler.forget(handles, { signal })
    await waitFor(
      'pods and secrets to be gone',
      async () => (await kubectl('get', 'pods,secrets', '--output=name')).trim() === '',
    )
    await cluster.kubectl('delete', 'namespace', namespace)
    const spec = waiting()
    const delayed = await submit(spec)
    assert.equal(delayed.outcome, 'delayed', JSON.stringify(delayed))
    assert.match(delayed.message, /namespace for jobs is not there/)
    await ensureNamespace()
    const taken = await waitFor(
      'it to be taken',
      async () => {
        const submission = await submit(spec)
        return submission.outcome === 'accepted' ? submission : undefined
      },
      { deadlineMs: 60_000 },
    )
    await jobs.until(taken.handle, 'running')
    await jobs.cancel(taken.handle)
  })

  test('a child that used too much memory is one thing, the program itself another', async () => {
    const main = jobs.spec([podPython, '-c', 'x = bytearray(400 << 20)'], {
      resources: { memoryBytes: 64 << 20 },
    })
    const { exit } = await jobs.until(await jobs.submit(main), 'ended')
    assert.deepEqual([exit.state, exit.reason], ['failed', 'out_of_memory'])
  })
})
