import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { JobSpec } from '#scheduler/job.ts'

import { explainClaim } from './explain-claim.ts'
import {
  addNeighbours,
  buildClaimName,
  buildHomeClaim,
  buildHomeIdentity,
  buildHomeVolume,
} from './home-claim.ts'
import type { HomeClaimsConfig } from './kubernetes-config.ts'

const homeClaims: HomeClaimsConfig = { sizeBytes: 10_000, accessModes: ['ReadWriteOnce'], fsGroup: true }
const config = { instance: 'atrium', homeClaims }
const owner = { name: 'alice', login: 'alice', uid: 20_000, gid: 20_000, home: '/home/alice' }
const build = (kind: JobSpec['kind'], more: Partial<JobSpec> = {}): JobSpec => ({
  ...{ key: 'k', kind, owner, command: ['true'], environment: {}, workingDirectory: '/', resources: {} },
  ...{ tasks: 1, ports: [], labels: {} },
  ...more,
})

test('no two logins have a claim in common, and all are names that Kubernetes takes', () => {
  const logins = ['alice', 'a_b', 'a-b', '_ab', 'ab-', 'h-0123456789', 'n-alice', 'x'.repeat(31), 'ab']
  const names = logins.map((login) => buildClaimName(config, login))
  assert.equal(new Set(names).size, logins.length)
  for (const name of names) assert.match(name, /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/)
})

test('a claim says whose it is, and is as large as its owner’s is to be', () => {
  const claim = buildHomeClaim(config, homeClaims, owner)
  assert.equal(claim.metadata?.labels?.['atrium.dev/owner'], 'n-alice')
  assert.deepEqual(claim.spec, {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '10000' } },
  })
  const large = buildHomeClaim(config, { ...homeClaims, storageClass: 'fast' }, { ...owner, homeBytes: 77 })
  assert.deepEqual(
    [large.spec?.storageClassName, large.spec?.resources?.requests?.['storage']],
    ['fast', '77'],
  )
})

test('a volume for one node draws its owner’s pods to that node, beside what the profile wants', () => {
  const zone = { topologyKey: 'zone', labelSelector: {} }
  const wanted = {
    nodeAffinity: {},
    podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [zone] },
  }
  const affinity = addNeighbours(config, build('batch'), wanted)
  const [kept, own] = affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
  assert.deepEqual([kept, affinity?.nodeAffinity], [zone, {}])
  assert.equal(own?.labelSelector?.matchLabels?.['atrium.dev/owner'], 'n-alice')
  const shared = { ...config, homeClaims: { ...homeClaims, accessModes: ['ReadWriteMany'] as const } }
  assert.equal(addNeighbours(shared, build('batch')), undefined)
  assert.equal(addNeighbours({ instance: 'atrium' }, build('batch')), undefined)
})

test('workers of a cluster do without a volume that they could not share', () => {
  const worker = build('dask-worker')
  assert.deepEqual(buildHomeVolume(config, worker).volumes, [{ name: 'home', emptyDir: {} }])
  assert.deepEqual(buildHomeIdentity(config, worker), {})
  assert.equal(addNeighbours(config, worker), undefined)
  const { volumes, mounts } = buildHomeVolume(config, build('server'))
  assert.deepEqual(volumes[0]?.persistentVolumeClaim, { claimName: 'atrium-home-n-alice' })
  assert.equal(mounts[0]?.mountPath, '/home/alice')
  assert.equal(buildHomeIdentity(config, build('server')).fsGroup, 20_000)
})

test('what keeps a volume from coming is said, what passes by itself is not', () => {
  const claim = { metadata: {}, status: { phase: 'Pending' } }
  const say = (reason: string, message = '') => ({ metadata: {}, involvedObject: {}, reason, message })
  assert.equal(explainClaim(claim, undefined), undefined)
  assert.equal(explainClaim(claim, say('WaitForFirstConsumer')), undefined)
  assert.equal(
    explainClaim(claim, say('ProvisioningFailed', 'no room')),
    'The home waits for its volume: no room',
  )
  const bound = { metadata: {}, status: { phase: 'Bound' } }
  assert.equal(explainClaim(bound, say('ProvisioningFailed', 'no room')), undefined)
  assert.match(
    explainClaim(bound, say('VolumeResizeFailed', 'no room')) ?? '',
    /cannot be made larger yet: no room/,
  )
  assert.match(explainClaim({ ...bound, status: { phase: 'Lost' } }, undefined) ?? '', /is lost/)
})
