import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { Scheduler } from '@atrium/server/scheduler/scheduler.ts'

import { type AuditedRequest, readAuditLog } from './audit.ts'
import type { KubernetesCluster } from './cluster.ts'
import { openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'
import {
  ensureSmallestRole,
  platformNamespace,
  type RoleRule,
  readRoleRules,
  removeSmallestRole,
  type SmallestRole,
} from './smallest-role.ts'

describe("the platform's role on a cluster", { skip: kubernetesSkipReason }, () => {
  const namespace = `role-${randomBytes(4).toString('hex')}`
  let cluster: KubernetesCluster
  let role: SmallestRole

  before(async () => {
    cluster = openSharedKubernetesCluster()
    await ensureNamespace(cluster, namespace)
    role = await ensureSmallestRole(cluster, namespace)
  })
  after(async () => {
    await removeSmallestRole(cluster, namespace)
    await cluster.kubectl('delete', 'namespace', namespace, '--ignore-not-found', '--wait=false')
  })

  test('is enough, and there is nothing in it that is not used', async () => {
    const networkPolicy = {
      controlPlane: { cidrs: [`${cluster.controlAddress}/32`], podSelector: {} },
      ...{ egressExcept: [], lingerMs: 200 },
    }
    const site = await createDriverSite(cluster, { namespace, networkPolicy })
    await doAll(cluster, site, namespace).finally(() => site.dispose())
    await makeHomes(cluster, namespace)
    const requests = readAuditLog(cluster.auditLog, role.user).filter(
      ({ resource }) => resource !== undefined,
    )
    assert.deepEqual(
      requests.filter(({ status }) => status === 401 || status === 403),
      [],
      'refused',
    )
    assert.deepEqual(
      requests.filter((request) => request.resource !== 'nodes' && request.namespace !== namespace),
      [],
      'outside of the namespace of jobs',
    )
    const used = new Set(requests.flatMap(toVerbs))
    const { inNamespace, ofCluster } = readRoleRules()
    const unused = [...inNamespace, ...ofCluster].flatMap(listVerbs).filter((verb) => !used.has(verb))
    assert.deepEqual(unused, [], 'unused')
  })

  test('allows none of what would make it more than it is', async () => {
    const as = ['--kubeconfig', role.kubeconfig]
    const inJobs = ['--namespace', namespace]
    const forbidden = [
      ['get', 'secrets', ...inJobs],
      ['list', 'secrets', ...inJobs],
      ['watch', 'secrets', ...inJobs],
      ['delete', 'secrets', ...inJobs],
      ['get', 'configmaps', ...inJobs],
      ['create', 'pods/exec', ...inJobs],
      ['create', 'pods/attach', ...inJobs],
      ['create', 'pods/portforward', ...inJobs],
      ['create', 'pods/ephemeralcontainers', ...inJobs],
      ['create', 'pods/eviction', ...inJobs],
      ['create', 'serviceaccounts/token', ...inJobs],
      ['create', 'serviceaccounts', ...inJobs],
      ['create', 'roles.rbac.authorization.k8s.io', ...inJobs],
      ['escalate', 'roles.rbac.authorization.k8s.io', ...inJobs],
      ['bind', 'roles.rbac.authorization.k8s.io', ...inJobs],
      ['create', 'rolebindings.rbac.authorization.k8s.io', ...inJobs],
      ['delete', 'persistentvolumeclaims', ...inJobs],
      ['create', 'deployments.apps', ...inJobs],
      ...[platformNamespace, 'default', 'kube-system'].flatMap((other) =>
        [
          ['create', 'pods'],
          ['list', 'pods'],
          ['delete', 'pods'],
          ['patch', 'pods/status'],
          ['create', 'secrets'],
          ['get', 'secrets'],
          ['patch', 'configmaps'],
          ['delete', 'networkpolicies.networking.k8s.io'],
        ].map((asked) => [...asked, '--namespace', other]),
      ),
      ['patch', 'nodes'],
      ['patch', 'nodes/status'],
      ['get', 'nodes/proxy'],
      ['create', 'namespaces'],
      ['patch', 'namespaces'],
      ['delete', 'namespaces'],
      ['create', 'persistentvolumes'],
      ['create', 'clusterrolebindings.rbac.authorization.k8s.io'],
      ['create', 'certificatesigningrequests.certificates.k8s.io'],
      ['impersonate', 'users'],
      ['impersonate', 'serviceaccounts'],
    ]
    const allowed: string[] = []
    for (const [verb = '', what = '', ...where] of forbidden) {
      const [resource = '', part] = what.split('/')
      const asked = [verb, resource, ...where, ...(part === undefined ? [] : [`--subresource=${part}`])]
      // It says no by its exit status, too.
      const answer = await cluster.kubectl('auth', 'can-i', ...asked, ...as).catch(() => 'no')
      if (answer.trim() !== 'no') allowed.push(asked.join(' '))
    }
    assert.deepEqual(allowed, [])
    assert.equal((await cluster.kubectl('auth', 'can-i', 'create', 'pods', ...inJobs, ...as)).trim(), 'yes')
    await assert.rejects(cluster.kubectl('get', 'secrets', ...inJobs, ...as), /Forbidden/)
  })

  test('makes no pod in its namespace that is more than users are', async () => {
    const pod = (spec: object) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'more', namespace },
      spec: { containers: [{ name: 'main', image: 'local.test/python:1' }], ...spec },
    })
    for (const more of [{ hostNetwork: true }, { volumes: [{ name: 'root', hostPath: { path: '/' } }] }])
      await assert.rejects(cluster.apply(pod(more)), /violates PodSecurity/)
  })
})

/** What a platform does on a cluster, once each. */
async function doAll(cluster: KubernetesCluster, site: DriverSite, namespace: string): Promise<void> {
  const { scheduler } = site
  const signal = AbortSignal.timeout(300_000)
  const jobs = openDriverJobs(site, scheduler)
  const running = await jobs.submit(jobs.spec(jobs.program('wait')))
  await jobs.until(running, 'running')
  await readAll(scheduler.logs(running, { signal }))
  await jobs.cancel(running)
  await jobs.until(running, 'ended')
  const pending = await jobs.submit(jobs.spec(jobs.program('wait'), { nodePool: 'nowhere' }))
  await jobs.until(pending, 'pending')
  await jobs.cancel(pending)
  await jobs.until(pending, 'ended')
  await scheduler.capacity({ signal })
  await submitAgain(cluster, scheduler, jobs, namespace)
  await scheduler.forget([running, pending], { signal })
  await waitFor(
    'the policies of nobody to go',
    async () => {
      const listed = await cluster.kubectl(
        'get',
        'networkpolicies',
        '--namespace',
        namespace,
        '--output=name',
      )
      return !listed.includes('.n-alice')
    },
    { deadlineMs: 90_000 },
  )
}

/** Homes that are claims of their own: one made and made larger, one that somebody else has made. */
async function makeHomes(cluster: KubernetesCluster, namespace: string): Promise<void> {
  const name = `homes-of-${namespace}`
  const shape = { accessModes: ['ReadWriteMany'], storageClassName: name } as const
  const storage = String(1 << 30)
  await cluster.apply(
    {
      ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name } },
      ...{ provisioner: 'atrium.test/nobody', allowVolumeExpansion: true },
    },
    {
      ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name } },
      spec: { ...shape, capacity: { storage }, hostPath: { path: '/var/empty' } },
    },
  )
  const site = await createDriverSite(cluster, {
    namespace,
    volumesOf: () => ({ volumes: [], mounts: [] }),
    homeClaims: { storageClass: name, sizeBytes: 1 << 30, accessModes: shape.accessModes, fsGroup: true },
  })
  const signal = AbortSignal.timeout(120_000)
  const jobs = openDriverJobs(site, site.scheduler)
  const inNamespace = ['--namespace', namespace]
  try {
    const claim = (login: string) => `${site.selector.replace(/.*=/, '')}-home-n-${login}`
    await jobs.submit(jobs.spec(jobs.program('wait')))
    const bound = ['--for=jsonpath={.status.phase}=Bound', '--timeout=60s']
    await cluster.kubectl('wait', `persistentvolumeclaim/${claim('alice')}`, ...inNamespace, ...bound)
    await jobs.submit(jobs.spec(jobs.program('wait'), { owner: { ...site.owner, homeBytes: 2 ** 31 } }))
    await cluster.apply({
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: claim('bob'), namespace } },
      spec: { ...shape, resources: { requests: { storage } } },
    })
    const owner = { ...site.owner, name: 'bob', login: 'bob' }
    await site.scheduler.submit([jobs.spec(jobs.program('wait'), { owner })], { signal })
  } finally {
    await site.dispose()
    await cluster.kubectl('delete', 'persistentvolumeclaims', '--all', ...inNamespace, '--wait=false')
    await cluster.kubectl('delete', 'persistentvolume,storageclass', name, '--wait=false')
  }
}

/** A pod of the job's name that the driver does not know of: of another version, whose labels are others. */
async function submitAgain(
  cluster: KubernetesCluster,
  scheduler: Scheduler,
  jobs: ReturnType<typeof openDriverJobs>,
  namespace: string,
): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  const spec = jobs.spec(jobs.program('wait'))
  const name = `atrium-${spec.key}`
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      nodeSelector: { 'atrium.test/nowhere': 'yes' },
      securityContext: { runAsNonRoot: true, runAsUser: 2001, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          ...{ name: 'job', image: 'local.test/python:1', command: ['sleep', '600'] },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  })
  await scheduler.submit([spec], { signal })
  await cluster.kubectl('delete', 'pod', name, '--namespace', namespace, '--grace-period=0', '--force')
}

async function readAll(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

/** What a role has to grant for it; server-side apply that makes something is `patch` on the wire, and asks for `create` as well. */
function toVerbs({ apiGroup, resource, verb, status }: AuditedRequest): string[] {
  const of = [resource, apiGroup].filter(Boolean).join('.')
  return verb === 'patch' && status === 201 ? [`${of} patch`, `${of} create`] : [`${of} ${verb}`]
}

function listVerbs({ apiGroups, resources, verbs }: RoleRule): string[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.map((verb) => `${[resource, group].filter(Boolean).join('.')} ${verb}`),
    ),
  )
}
