import assert from 'node:assert/strict'
import { test } from 'node:test'

import { buildBasePolicy, buildOwnerPolicy, type PolicySite } from './build-network-policies.ts'
import { buildOwnerLabel } from './pod-names.ts'

const site: PolicySite = {
  namespace: 'jobs',
  instance: 'test',
  networkPolicy: {
    controlPlane: { cidrs: ['10.0.0.5/32'], namespace: 'atrium', podSelector: { app: 'atrium' } },
    egressExcept: ['169.254.169.254/32', 'fd00:ec2::254/128'],
  },
}

const hostile = [
  'alice',
  'Alice',
  'alicе',
  'n-alice',
  'alice\n',
  ' alice',
  '',
  '../alice',
  'alice,atrium.dev/owner=bob',
  '"}, "podSelector": {}, "x": {"',
  '{}',
  '*',
  `h-${'a'.repeat(60)}`,
  'a'.repeat(300),
  'a'.repeat(301),
  '\u0000',
]

test('whatever an owner is called, their policy is theirs alone and says no more than that of anybody else', () => {
  const policies = hostile.map((name) => buildOwnerPolicy(site, buildOwnerLabel(name)))
  const [plain] = policies
  for (const [index, { metadata, spec }] of policies.entries()) {
    const label = buildOwnerLabel(hostile[index] ?? '')
    assert.match(label, /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
    assert.match(metadata?.name ?? '', /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/)
    const replaced = JSON.stringify(spec).replaceAll(label, buildOwnerLabel('alice'))
    assert.equal(replaced, JSON.stringify(plain?.spec))
  }
  assert.equal(new Set(policies.map(({ metadata }) => metadata?.name)).size, hostile.length)
  assert.equal(new Set(policies.map(({ spec }) => JSON.stringify(spec))).size, hostile.length)
})

test("names of two platforms' policies in one namespace are never the same", () => {
  const one = buildOwnerPolicy({ ...site, instance: 'a' }, buildOwnerLabel('n-b'))
  const other = buildOwnerPolicy({ ...site, instance: 'a-n' }, buildOwnerLabel('b'))
  assert.notEqual(one.metadata?.name, other.metadata?.name)
})

test('pods are reached from where the platform is, and reach all but what is forbidden', () => {
  const { spec } = buildBasePolicy(site)
  assert.deepEqual(spec?.ingress, [
    {
      from: [
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'atrium' } },
          podSelector: { matchLabels: { app: 'atrium' } },
        },
        { ipBlock: { cidr: '10.0.0.5/32' } },
      ],
    },
  ])
  assert.deepEqual(spec?.egress?.at(-1), {
    to: [
      { ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.169.254/32'] } },
      { ipBlock: { cidr: '::/0', except: ['fd00:ec2::254/128'] } },
    ],
  })
})

test('without anybody who may come in nobody may: there is no empty rule, which would let in all', () => {
  const controlPlane = { cidrs: [], podSelector: {} }
  const { spec } = buildBasePolicy({ ...site, networkPolicy: { controlPlane, egressExcept: [] } })
  assert.deepEqual(spec?.policyTypes, ['Ingress', 'Egress'])
  assert.equal(spec?.ingress, undefined)
  assert.ok(spec?.egress?.every(({ to, ports }) => (to ?? ports ?? []).length > 0))
})
