import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'

import type { JobSpec } from '@atrium/server/scheduler/job.ts'
import type { PodOptions, PodVolume } from '@atrium/server/scheduler/pod-options.ts'
import type { Scheduler } from '@atrium/server/scheduler/scheduler.ts'

import type { KubernetesCluster } from './cluster.ts'
import { type DriverJobs, openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace, namespace } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const mib = 2 ** 20
const id = `profiles-${randomUUID().slice(0, 8)}`
/** Made for these tests, and removed after them: classes are of the whole cluster. */
const classes = { server: `${id}-server`, batch: `${id}-batch`, urgent: `${id}-urgent` }
const emptyDir = { name: 'scratch', source: { emptyDir: {} }, mountPath: '/scratch' }

/** As much of a pod as is looked at. */
interface PodSpec {
  containers: { image?: string; resources?: { requests?: object; limits?: object } }[]
  nodeSelector?: Record<string, string>
  tolerations?: { key?: string; effect?: string }[]
  affinity?: object
  priorityClassName?: string
  runtimeClassName?: string
  serviceAccountName?: string
  imagePullSecrets?: object[]
  automountServiceAccountToken?: boolean
}

describe('what a profile says becomes a pod', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let site: DriverSite
  let jobs: DriverJobs

  before(async () => {
    cluster = openSharedKubernetesCluster()
    await ensureNamespace(cluster)
    await cluster.apply(
      ...Object.values(classes).map((name, at) => ({
        apiVersion: 'scheduling.k8s.io/v1',
        kind: 'PriorityClass',
        metadata: { name },
        value: 10 * (at + 1),
      })),
      { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: id }, handler: 'runc' },
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: id, namespace },
        data: { motto: 'per aspera' },
      },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: id, namespace },
        stringData: { key: 'ad astra' },
      },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: id, namespace } },
    )
    site = await createDriverSite(cluster, {
      priorityClasses: { server: classes.server, batch: classes.batch },
      serviceAccount: id,
      imagePullSecrets: [id],
      nodePools: { first: { nodeSelector: { 'kubernetes.io/hostname': cluster.node.name } } },
    })
    jobs = openDriverJobs(site, site.scheduler)
  })
  after(async () => {
    await site?.dispose()
    for (const kind of ['configmap', 'secret', 'serviceaccount'])
      await cluster.kubectl('delete', kind, id, '--namespace', namespace, '--ignore-not-found')
    await cluster.kubectl('delete', 'runtimeclass', id, '--ignore-not-found')
    await cluster.kubectl('delete', 'priorityclass', ...Object.values(classes), '--ignore-not-found')
  })

  const shell = (script: string, more: Partial<JobSpec> = {}) => jobs.spec(['sh', '-c', script], more)
  /** What a script printed, which ended well. */
  async function run(script: string, more: Partial<JobSpec> = {}): Promise<string> {
    const handle = await jobs.submit(shell(script, { environment: { PATH: '{image:PATH}' }, ...more }))
    const { exit } = await jobs.until(handle, 'ended')
    const output = await readLog(site.scheduler, handle)
    assert.equal(exit.state, 'succeeded', `${exit.message}\n${output}`)
    return output
  }
  /** The pod of a job as the cluster has it; the job ends. */
  async function findPod(more: Partial<JobSpec>): Promise<PodSpec> {
    const handle = await jobs.submit(shell('sleep 100', more))
    const pod = JSON.parse(
      await cluster.kubectl('get', 'pod', handle.ref, '--namespace', namespace, '--output=json'),
    ) as { spec: PodSpec }
    await jobs.cancel(handle)
    return pod.spec
  }
  const withPod = (pod: PodOptions, more: Partial<JobSpec> = {}) => ({ pod, ...more })
  const withVolumes = (...volumes: PodVolume[]) => withPod({ volumes })

  test('cores and memory are limits; requests are the share of them that is kept', async () => {
    const resources = { cpu: 0.5, memoryBytes: 64 * mib }
    const whole = await findPod({ resources })
    assert.deepEqual(whole.containers[0]?.resources, {
      requests: { cpu: '500m', memory: String(64 * mib) },
      limits: { cpu: '500m', memory: String(64 * mib) },
    })
    const shared = await findPod({ resources, pod: { reserved: { cpu: 0.1, memory: 0.5 } } })
    assert.deepEqual(shared.containers[0]?.resources, {
      requests: { cpu: '50m', memory: String(32 * mib) },
      limits: { cpu: '500m', memory: String(64 * mib) },
    })
  })

  test('GPUs are of the resource that a profile names', async () => {
    const resources = { gpu: 2 }
    const usual = await findPod({ resources })
    assert.deepEqual(usual.containers[0]?.resources?.limits, { 'nvidia.com/gpu': '2' })
    const other = await findPod({ resources, pod: { gpuResource: 'amd.com/gpu' } })
    assert.deepEqual(other.containers[0]?.resources?.limits, { 'amd.com/gpu': '2' })
  })

  test('a job has the image of its profile, and finds what the image has set', async () => {
    const image = 'docker.io/local.test/python:1'
    assert.equal((await findPod({ image })).containers[0]?.image, image)
    assert.equal(
      await run('echo $PATH $LANG', { environment: { PATH: '{image:PATH}:/more' } }),
      '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/more C.UTF-8\n',
    )
    assert.equal(await run('echo $LANG', { environment: { PATH: '/bin', LANG: 'de' } }), 'de\n')
  })

  test('it goes to the nodes of its pool that a profile wants', async () => {
    const toleration = { key: 'atrium.test/taint', operator: 'Exists', effect: 'NoSchedule' } as const
    const affinity = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/os', operator: 'In', values: ['linux'] }] },
          ],
        },
      },
    }
    const pod = { nodeSelector: { 'kubernetes.io/os': 'linux' }, tolerations: [toleration], affinity }
    const spec = await findPod({ nodePool: 'first', pod })
    assert.deepEqual(spec.nodeSelector, {
      'kubernetes.io/hostname': cluster.node.name,
      'kubernetes.io/os': 'linux',
    })
    assert.ok(
      spec.tolerations?.some(({ key, effect }) => key === toleration.key && effect === toleration.effect),
    )
    assert.deepEqual(spec.affinity, affinity)
    assert.equal(await run('echo here', { nodePool: 'first', pod }), 'here\n')
  })

  test('classes, accounts and secrets for registries are named, and no token is given', async () => {
    const batch = await findPod({ pod: { runtimeClass: id } })
    assert.deepEqual(
      [batch.priorityClassName, batch.runtimeClassName, batch.serviceAccountName, batch.imagePullSecrets],
      [classes.batch, id, id, [{ name: id }]],
    )
    assert.equal(batch.automountServiceAccountToken, false)
    assert.equal((await findPod({ kind: 'server' })).priorityClassName, classes.server)
    assert.equal(
      (await findPod({ pod: { priorityClass: classes.urgent } })).priorityClassName,
      classes.urgent,
    )
    assert.equal(
      await run('ls /var/run/secrets 2>/dev/null; echo none', { pod: { runtimeClass: id } }),
      'none\n',
    )
  })

  test('shared memory has the size that is asked for', async () => {
    const size = 'df -k /dev/shm | tail -n 1 | while read a b c; do echo $b; done'
    assert.equal(await run(size, withPod({ sharedMemoryBytes: 96 * mib })), `${96 * 1024}\n`)
    const resources = { memoryBytes: 64 * mib }
    const handle = await jobs.submit(
      shell('dd if=/dev/zero of=/dev/shm/x bs=1M count=90; echo went on', {
        ...withPod({ sharedMemoryBytes: 96 * mib }, { resources }),
        environment: { PATH: '{image:PATH}' },
      }),
    )
    const { exit } = await jobs.until(handle, 'ended')
    const output = await readLog(site.scheduler, handle)
    assert.ok(
      exit.reason === 'out_of_memory' || /Killed|went on/.test(output),
      JSON.stringify({ exit, output }),
    )
    assert.doesNotMatch(output, /90\+0 records out/, 'it counts as memory')
  })

  test('volumes are of the kinds that name no path of the node', async () => {
    const read = withVolumes(
      { name: 'a', source: { configMap: id }, mountPath: '/config' },
      { name: 'b', source: { secret: id }, mountPath: '/secret', readOnly: true },
      { name: 'c', source: { configMap: id }, mountPath: '/one/motto', subPath: 'motto' },
    )
    const files = 'cat /config/motto; echo; cat /secret/key; echo; cat /one/motto; echo'
    assert.equal(await run(files, read), 'per aspera\nad astra\nper aspera\n')
    const write = 'echo kept >/scratch/file && cat /scratch/file'
    assert.equal(await run(write, withVolumes(emptyDir)), 'kept\n')
    const memory = { ...emptyDir, source: { emptyDir: { inMemory: true, sizeBytes: 8 * mib } } }
    const kind = "grep ' /scratch ' /proc/mounts | cut -d ' ' -f 3"
    assert.equal(await run(kind, withVolumes(memory)), 'tmpfs\n')
    const closed = 'touch /scratch/file 2>/dev/null || echo closed'
    assert.equal(await run(closed, withVolumes({ ...emptyDir, readOnly: true })), 'closed\n')
  })

  test('the image cannot be written to, unless a profile says so', async () => {
    const kind = "grep -E ' (/|/tmp) ' /proc/mounts | cut -d ' ' -f 2,4 | cut -d , -f 1 | sort"
    const tryOut = `touch /tmp/x /var/tmp/x && echo writable; ${kind}`
    assert.equal(await run(tryOut), 'writable\n/ ro\n/tmp rw\n')
    assert.equal(await run(kind, withPod({ readOnlyRoot: false })), '/ rw\n')
  })

  test('a job without an image is refused in words', async () => {
    const bare = await createDriverSite(cluster, { image: undefined as never })
    try {
      const [answer] = await bare.scheduler.submit([shell('true')], { signal: AbortSignal.timeout(60_000) })
      assert.equal(answer?.outcome, 'rejected')
      assert.match(answer.message, /has no image: its profile names none/)
    } finally {
      await bare.dispose()
    }
  })
})

async function readLog(scheduler: Scheduler, handle: Parameters<Scheduler['logs']>[0]): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of scheduler.logs(handle, { signal: AbortSignal.timeout(60_000) }))
    chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
