import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { createTestIdentity } from '@atrium/server/identity/testing.ts'
import { createUnixAccounts } from '@atrium/server/identity/unix-accounts.ts'
import { openKubernetesStorage } from '@atrium/server/main/kubernetes-storage.ts'
import { createOwnerPreparation } from '@atrium/server/main/owner-preparation.ts'
import { createJobVolumes } from '@atrium/server/main/pod-volumes.ts'
import { systemActor } from '@atrium/server/observe/audit.ts'
import { systemClock as clock } from '@atrium/server/platform/clock.ts'
import type { JobHandle, JobOwner, JobSpec } from '@atrium/server/scheduler/job.ts'
import type { Submission } from '@atrium/server/scheduler/scheduler.ts'
import { testStoreKinds } from '@atrium/server/store/testing.ts'

import type { KubernetesCluster } from './cluster.ts'
import { type DriverJobs, openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace, namespace } from './driver-site.ts'

type StorageOptions = Parameters<typeof openKubernetesStorage>[0]

/** People and groups with homes and folders on volumes of the cluster, without the rest of the platform. */
export interface StorageSite extends DriverSite {
  identity: ReturnType<typeof createTestIdentity>
  jobs: DriverJobs
  /** Where the storage of `claim` is, on this machine and on the node. */
  root: string
  claim: string
  /** As at a start of one of the person's jobs. */
  prepare(name: string): Promise<JobOwner>
  /** A shell's script as a job of the person's. */
  build(owner: JobOwner, script: string, more?: Partial<JobSpec>): JobSpec
  submit(spec: JobSpec): Promise<Submission>
  /** What the script says, standard error too. */
  run(name: string, script: string, more?: Partial<JobSpec>): Promise<string>
  readLog(handle: JobHandle): Promise<string>
}

export interface StorageSiteOptions {
  name: string
  /** Besides `claim` and how folders are made: `homes`, `volumes`. */
  storage?: Partial<StorageOptions>
  root?: Partial<NonNullable<StorageOptions['root']>>
  driver?: Parameters<typeof createDriverSite>[1]
}

const uids = { first: 20_000, last: 59_999 }

/** `name`: of its claim, and of nothing else on the cluster. */
export async function createStorageSite(
  cluster: KubernetesCluster,
  { name, storage = {}, root: how, driver = {} }: StorageSiteOptions,
): Promise<StorageSite> {
  const root = join(cluster.dir, `storage-${name}`)
  mkdirSync(root, { recursive: true })
  chmodSync(root, 0o755)
  await ensureNamespace(cluster)
  await makeClaim(cluster, { name, path: root })
  const storeSite = await testStoreKinds[0]?.createSite()
  if (storeSite === undefined) throw new Error('no store to test with')
  const store = await storeSite.open()
  const identity = createTestIdentity({ store, clock })
  const section: StorageOptions = {
    root: { claim: name, keepsOwners: false, ...(how ?? { folder: root }) },
    ...{ homes: {}, volumes: [], ...storage },
  }
  const opened = openKubernetesStorage(section, { store, clock, groups: true })
  const system = { find: async () => undefined }
  const accounts = createUnixAccounts({ store, system, uids, self: { login: 'atrium', shell: '/bin/sh' } })
  const prepareOwner = createOwnerPreparation({ accounts, ...opened })
  const prepare = async (user: string) => (await prepareOwner(await identity.users.get(user))).owner
  const site = await createDriverSite(cluster, {
    prepare: opened.prepare,
    volumesOf: createJobVolumes(section),
    ...driver,
  })
  const jobs = openDriverJobs(site, site.scheduler)
  const signal = AbortSignal.timeout(1_200_000)
  const readLog = async (handle: JobHandle) => {
    const parts: Uint8Array[] = []
    for await (const part of site.scheduler.logs(handle, { signal, follow: true })) parts.push(part)
    return Buffer.concat(parts).toString()
  }
  const build: StorageSite['build'] = (owner, script, more = {}) =>
    jobs.spec([...shell, script], {
      owner,
      environment: { PATH: '/usr/bin:/bin', HOME: owner.home },
      workingDirectory: owner.home,
      ...more,
    })
  return {
    ...{ ...site, identity, jobs, root, claim: name, prepare, build, readLog },
    async submit(spec) {
      const [answer] = await site.scheduler.submit([spec], { signal })
      if (answer === undefined) throw new Error('no answer')
      return answer
    },
    async run(user, script, more) {
      const handle = await jobs.submit(build(await prepare(user), script, more))
      await jobs.until(handle, 'ended')
      return readLog(handle)
    },
    async dispose() {
      await site.dispose()
      await identity.close()
      await store.close()
      await storeSite.dispose()
      await cluster.kubectl(
        'delete',
        'pvc',
        name,
        '--namespace',
        namespace,
        '--ignore-not-found',
        '--wait=false',
      )
      await cluster.kubectl('delete', 'pv', name, '--ignore-not-found', '--wait=false')
      rmSync(root, { recursive: true, force: true })
    },
  }
}

const shell = ['/bin/sh', '-c'] as const

/** People of a test, each in these groups. */
export async function createPeople(
  { identity }: Pick<StorageSite, 'identity'>,
  people: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  await identity.users.create(
    Object.keys(people).map((name) => ({ name })),
    systemActor,
  )
  for (const group of new Set(Object.values(people).flat())) {
    const users = Object.keys(people).filter((name) => people[name]?.includes(group))
    await identity.groups.create([{ name: group, users }], systemActor)
  }
}

async function makeClaim(
  cluster: KubernetesCluster,
  { name, path }: { name: string; path: string },
): Promise<void> {
  const capacity = { storage: '1Gi' }
  await cluster.apply(
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: {
        ...{ capacity, accessModes: ['ReadWriteMany'], persistentVolumeReclaimPolicy: 'Retain' },
        ...{ storageClassName: '', hostPath: { path, type: 'Directory' }, claimRef: { name, namespace } },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace },
      spec: {
        ...{ accessModes: ['ReadWriteMany'], storageClassName: '', volumeName: name },
        resources: { requests: capacity },
      },
    },
  )
}
