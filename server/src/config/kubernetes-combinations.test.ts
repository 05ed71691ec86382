import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ConfigError } from './config-problem.ts'
import { parseConfig } from './parse-config.ts'

/** What every configuration for Kubernetes needs. */
const least = {
  hubUrl: 'http://10.0.0.1:8000',
  image: 'registry.example.org/notebook:1',
  storage: { root: { claim: 'root', folder: '/srv/atrium' } },
}

/** Each problem as `path: message`. */
function findProblems(kubernetes: object, more: object = {}): readonly string[] {
  const config = { scheduler: { driver: 'kubernetes', kubernetes: { ...least, ...kubernetes } }, ...more }
  try {
    parseConfig(JSON.stringify(config), 'atrium.yaml')
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, message }) => `${path}: ${message}`)
  }
}

const section = 'scheduler.kubernetes'

test('a configuration that says everything is taken', () => {
  const machine = { cpu: 15, memory: '56G' }
  const environments = { claim: 'environments', path: '/srv/environments' }
  const scratch = { name: 'scratch', emptyDir: { size: '10G' }, mountPath: '/scratch' }
  const problems = findProblems(
    {
      kubeconfig: '/etc/atrium/kubeconfig',
      context: 'production',
      storage: {
        ...least.storage,
        environments,
        volumes: [{ ...scratch, mountPath: '/data', name: 'data' }],
      },
      priorityClasses: { server: 'high', preemptible: 'low', placeholder: 'seat' },
      nodePools: [
        { name: 'cpu', nodeSelector: { pool: 'cpu' }, nodes: 3 },
        {
          name: 'gpu-spot',
          nodeSelector: { 'cloud.google.com/gke-nodepool': 'gpu' },
          tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
          ...{ minimum: 0, maximum: 4, machine: { ...machine, gpu: 1 }, spot: true },
          placeholders: { count: 2, cpu: 1, memory: '2G' },
        },
      ],
    },
    {
      environment: { prefix: '/srv/environments/default' },
      profiles: [
        { name: 'small', memory: '1G', environment: '/srv/environments/r', nodePool: 'cpu' },
        {
          ...{ name: 'gpu', memory: '8G', gpu: 1, nodePool: 'gpu-spot', preemptible: true },
          image: 'registry.example.org/gpu@sha256:00',
          kubernetes: {
            ...{ runtimeClass: 'nvidia', priorityClass: 'urgent', sharedMemory: '2G', readOnlyRoot: false },
            affinity: { nodeAffinity: {} },
            reserved: { cpu: 0.5 },
            volumes: [{ ...scratch, subPath: 'a/b' }],
          },
        },
      ],
    },
  )
  assert.deepEqual(problems, [])
})

test('pods reach the platform, have an image, and homes that last', () => {
  assert.deepEqual(findProblems({ hubUrl: 'http://127.0.0.1:8000', image: undefined, storage: {} }), [
    `${section}.image: give the image of jobs: there are no profiles that bring one`,
    `${section}.hubUrl: pods cannot reach http://127.0.0.1:8000: give scheduler.kubernetes.hubUrl an address that they do`,
    `${section}.storage.root: give root.claim, or homes.claimPerUser: homes would be gone with their pods`,
  ])
  assert.deepEqual(findProblems({ image: undefined }, { profiles: [{ name: 'plain' }] }), [
    `${section}.image: give the image of jobs: the profile plain brings none`,
  ])
})

test('what only Slurm has is no part of a profile, nor is Kubernetes of another driver’s', () => {
  assert.deepEqual(findProblems({}, { profiles: [{ name: 'a', partition: 'main', nodes: 2 }] }), [
    'profiles[0].partition: the scheduler driver "kubernetes" cannot do this: say by `nodePool` which nodes',
    'profiles[0].nodes: the scheduler driver "kubernetes" cannot do this: a server is one pod',
  ])
  const local = { scheduler: { driver: 'local' }, profiles: [{ name: 'a', image: 'b', kubernetes: {} }] }
  assert.deepEqual(findProblems({}, local), [
    'profiles[0].image: the scheduler driver "local" cannot do this: it needs Kubernetes',
    'profiles[0].kubernetes: the scheduler driver "local" cannot do this: it needs Kubernetes',
  ])
})

test('a profile asks for pools, environments and memory that are there', () => {
  const nodePools = [{ name: 'spot', nodeSelector: { pool: 'spot' }, spot: true }]
  const profiles = [
    { name: 'a', nodePool: 'gpu' },
    { name: 'b', nodePool: 'spot' },
    { name: 'c', environment: '/opt/r', memory: '1G', kubernetes: { sharedMemory: '2G' } },
  ]
  assert.deepEqual(findProblems({ nodePools }, { profiles, environment: { prefix: '/opt/python' } }), [
    'profiles[0].nodePool: there is no pool "gpu" in scheduler.kubernetes.nodePools',
    'profiles[1].nodePool: the nodes of this pool can be taken away at short notice: set `preemptible: true`',
    'profiles[2].environment: pods do not see it: give scheduler.kubernetes.storage.environments the volume that it is on',
    'profiles[2].kubernetes.sharedMemory: it counts as memory, of which the profile has 1G',
    'environment.prefix: pods do not see it: give scheduler.kubernetes.storage.environments the volume that it is on, or leave it out where images bring their own',
  ])
})

test('volumes have one source and a place of their own', () => {
  const data = { name: 'data', claim: 'data', mountPath: '/data' }
  const storage = { ...least.storage, volumes: [data] }
  const volumes = [
    { ...data, subPath: '../others' },
    { name: 'two', claim: 'a', emptyDir: {}, mountPath: '/run/atrium/job' },
  ]
  assert.deepEqual(findProblems({ storage }, { profiles: [{ name: 'a', kubernetes: { volumes } }] }), [
    'profiles[0].kubernetes.volumes[0].name: another volume has this name',
    'profiles[0].kubernetes.volumes[0].mountPath: another volume is there',
    'profiles[0].kubernetes.volumes[0].subPath: it leads out of the volume',
    'profiles[0].kubernetes.volumes[1]: needs one of `claim`, `configMap`, `secret`, `emptyDir`',
    `profiles[0].kubernetes.volumes[1].mountPath: /run/atrium is the platform's own`,
  ])
})

test('a pool is static or autoscaled, and known by labels', () => {
  const nodePools = [
    { name: 'a', nodes: 2, maximum: 3, nodeSelector: { pool: 'a' } },
    { name: 'a', minimum: 4, maximum: 3, nodeSelector: { pool: 'b' } },
    { name: 'c', tolerations: [{ key: 'x', operator: 'Exists', value: 'y' }] },
  ]
  const pools = `${section}.nodePools`
  assert.deepEqual(findProblems({ nodePools }), [
    `${pools}[0].nodes: give nodes, or minimum and maximum, not both`,
    `${pools}[1]: needs \`machine\`: what a node would have that is not there yet`,
    `${pools}[1].name: another pool has this name`,
    `${pools}[1].minimum: it is above the maximum`,
    `${pools}[2]: needs \`provider\` or \`nodeSelector\`: the labels by which its nodes are known`,
    `${pools}[2].tolerations[0].value: with operator Exists every value is meant`,
  ])
})

test('seats kept warm have a priority that gives way, and an image', () => {
  const machine = { cpu: 2, memory: '4G' }
  const placeholders = { count: 1, cpu: 1, memory: '1G' }
  const nodePools = [{ name: 'a', nodeSelector: { pool: 'a' }, maximum: 2, machine, placeholders }]
  assert.deepEqual(findProblems({ nodePools }), [
    `${section}.priorityClasses.placeholder: seats kept warm need one below all others, or no job would take their place`,
  ])
  assert.deepEqual(findProblems({ nodePools, priorityClasses: { placeholder: 'seat' } }), [])
})

test('a pool of a provider needs no labels, and can only be what that provider has', () => {
  assert.deepEqual(
    findProblems({
      nodePools: [
        { name: 'good', provider: 'gke', spot: true },
        { name: 'odd', provider: 'digitalocean', spot: true },
        { name: 'late', providerName: 'x', nodeSelector: { a: 'b' } },
      ],
    }),
    [
      `${section}.nodePools[1].spot: DigitalOcean has no nodes that it takes away`,
      `${section}.nodePools[2].providerName: needs \`provider\``,
    ],
  )
})

test('names are such as Kubernetes takes', () => {
  const [problem = ''] = findProblems({ nodePools: [{ name: 'a', nodeSelector: { 'a b': 'x' } }] })
  assert.match(problem, /^scheduler\.kubernetes\.nodePools\[0\]\.nodeSelector/)
  for (const image of ['-rf', 'a b', 'x\ny', '']) assert.equal(findProblems({ image }).length, 1, image)
})

test('network policies that would keep out the platform itself, and addresses that are none, are shown', () => {
  const nobody = findProblems({ networkPolicy: { enabled: true } })
  assert.equal(nobody.length, 1)
  assert.match(nobody[0] ?? '', /networkPolicy\.controlPlane: say where the platform comes from/)
  const wrong = { controlPlane: { cidrs: ['10.0.0.5', '10.0.0.5/33'] }, egressExcept: ['fd00::/8', 'a/8'] }
  assert.deepEqual(
    findProblems({ networkPolicy: { enabled: true, ...wrong } }).map((problem) =>
      problem.replace(/ is no.*/, ''),
    ),
    [
      `${section}.networkPolicy.controlPlane.cidrs[0]: 10.0.0.5`,
      `${section}.networkPolicy.controlPlane.cidrs[1]: 10.0.0.5/33`,
      `${section}.networkPolicy.egressExcept[1]: a/8`,
    ],
  )
  const inside = {
    controlPlane: { namespace: 'atrium', podSelector: { 'app.kubernetes.io/name': 'atrium' } },
  }
  assert.deepEqual(findProblems({ networkPolicy: { enabled: true, ...inside } }), [])
})
