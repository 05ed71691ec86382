import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'

import { systemClock } from '@atrium/server/platform/clock.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { NetworkPolicyConfig } from '@atrium/server/scheduler/drivers/kubernetes/kubernetes-config.ts'
import { doorPort } from '@atrium/server/scheduler/drivers/kubernetes/pod-door.ts'
import { probeNetworkPolicies } from '@atrium/server/scheduler/drivers/kubernetes/probe-network-policies.ts'
import type { JobHandle, JobOwner } from '@atrium/server/scheduler/job.ts'

import { runProgram, tryProgram } from '../support/cluster/run-program.ts'
import type { KubernetesCluster } from './cluster.ts'
import { type DriverJobs, openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace, namespace, podPython } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'
import { ensureSmallestRole } from './smallest-role.ts'

/** Of no network anywhere (RFC 5737): they stand for a cloud's metadata, and for the rest of the world. */
const metadataAddress = '198.51.100.254'
const outsideAddress = '198.51.100.1'
const serve = ['-m', 'http.server', '{port:notebook}', '--directory', '/tmp'] as const

describe("network policies of users' pods", { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let site: DriverSite
  let jobs: DriverJobs
  let closeOutside: () => Promise<void>
  let outside: Record<'metadata' | 'world', string>
  const networkPolicy = (): NetworkPolicyConfig => ({
    controlPlane: { cidrs: [`${cluster.controlAddress}/32`], podSelector: {} },
    egressExcept: [`${metadataAddress}/32`, '169.254.169.254/32', 'fd00:ec2::254/128'],
    lingerMs: 500,
  })

  before(async () => {
    cluster = openSharedKubernetesCluster()
    await ensureNamespace(cluster)
    site = await createDriverSite(cluster, { networkPolicy: networkPolicy() })
    jobs = openDriverJobs(site, site.scheduler)
    ;({ outside, close: closeOutside } = await openOutside(cluster))
  })
  after(async () => {
    await site?.dispose()
    await closeOutside?.()
  })

  const ownerOf = (name: string): JobOwner => ({ ...site.owner, name })

  /** A pod that answers on one port like a notebook server, a worker, a scheduler: to the network they are the same. */
  const start = async (name: string) => {
    const spec = jobs.spec([podPython, ...serve], { owner: ownerOf(name), ports: ['notebook'] })
    const handle = await jobs.submit(spec)
    const { endpoint } = await jobs.until(handle, 'running', (seen) => seen.endpoint !== undefined)
    assert.ok(endpoint)
    return { handle, url: `http://${endpoint.host}:${endpoint.ports['notebook']}/`, host: endpoint.host }
  }

  /** What somebody in the job's pod gets to hear within three seconds. */
  const ask = async ({ handle }: { handle: JobHandle }, url: string) => {
    const inPod = ['exec', handle.ref, '--namespace', namespace, '--', 'python3', '-c', asker, url]
    return (await cluster.kubectl(...inPod)).trim()
  }

  const policies = async () => {
    const ours = ['--namespace', namespace, '--selector', site.selector]
    const listed = await cluster.kubectl('get', 'networkpolicies', ...ours, '--output=name')
    return listed
      .split('\n')
      .filter(Boolean)
      .map((line) => line.replace(/.*\//, ''))
  }
  const instance = () => site.selector.replace(/.*=/, '')

  test("nobody's pods reach another's, nor the door of one; one's own and the platform do", async () => {
    const [alice, colleague, bob] = [await start('alice'), await start('alice'), await start('bob')]
    await waitFor('own pods to reach one another', async () => (await ask(colleague, alice.url)) === '200')
    assert.equal(await ask(alice, colleague.url), '200')
    assert.equal((await fetch(bob.url)).status, 200, 'the platform')

    assert.equal(await ask(alice, bob.url), 'no answer')
    assert.equal(await ask(bob, alice.url), 'no answer')
    const door = `http://${bob.host}:${doorPort}/`
    assert.equal(await ask(alice, door), 'no answer')
    assert.notEqual(await ask(bob, door), 'no answer')
  })

  test('a pod of another namespace reaches none of theirs', async () => {
    const carol = await start('carol')
    const stranger = await startStranger(cluster)
    try {
      assert.equal(await ask(carol, carol.url), '200')
      assert.equal(await stranger.ask(carol.url), 'no answer')
    } finally {
      await stranger.remove()
    }
  })

  test('pods reach the world, but not where a cloud gives out credentials', async () => {
    const alice = await start('alice')
    assert.equal(await ask(alice, outside.world), '200')
    assert.equal(await ask(alice, outside.metadata), 'no answer')
    assert.equal((await fetch(outside.metadata)).status, 200, 'somebody is there')
  })

  test('whatever a user is called, their policy lets nobody else in', async () => {
    const bob = await start('bob')
    const names = [
      'b,o=b',
      '"}, "podSelector": {}, "x": {"',
      '../bob',
      'bob\nbob',
      'bоb',
      'n-bob',
      'b'.repeat(300),
    ]
    await Promise.all(
      names.map(async (name) => {
        const hostile = await start(name)
        await waitFor('its own pod to be reached', async () => (await ask(hostile, hostile.url)) === '200')
        assert.equal(await ask(hostile, bob.url), 'no answer', name)
        assert.equal(await ask(bob, hostile.url), 'no answer', name)
      }),
    )
  })

  test('the doctor says whether the cluster holds pods to policies', async () => {
    const { kubeconfig } = await ensureSmallestRole(cluster, namespace)
    const config = {
      ...{ kubeconfig, namespace, python: podPython, callTimeoutMs: 10_000 },
      ...{ image: 'local.test/python:1', imagePullPolicy: 'Never' as const },
    }
    const signal = AbortSignal.timeout(300_000)
    const options = { clock: systemClock, patienceMs: 60_000, signal }
    assert.deepEqual(await probeNetworkPolicies(config, options), { state: 'enforced' })
    const rule = ['POSTROUTING', '-j', 'ATRIUM-POLICIES']
    const ask = (how: string) => cluster.run(['iptables', '--wait', '--table', 'mangle', how, ...rule])
    await ask('--delete')
    try {
      assert.deepEqual(await probeNetworkPolicies(config, options), { state: 'open' })
    } finally {
      await ask('--append')
    }
    const none = { ...config, image: 'local.test/none:1' }
    const missing = await probeNetworkPolicies(none, { ...options, patienceMs: 10_000 })
    assert.match(missing.state === 'unknown' ? missing.why : missing.state, /does not run: .*none:1/)
    const left = await cluster.kubectl(
      'get',
      'pods,networkpolicies',
      '--namespace',
      namespace,
      '--selector',
      'atrium.dev/probe',
      '--output=name',
    )
    assert.equal(left, '')
  })

  test("an owner's policy goes with the last of their pods, and comes again with the next, whoever removed it", async () => {
    const name = `atrium.${instance()}.n-dora`
    const first = await start('dora')
    const second = await start('dora')
    assert.ok((await policies()).includes(name))
    await cluster.kubectl('delete', 'networkpolicy', name, '--namespace', namespace)
    await waitFor('the policy to be made anew', async () => (await policies()).includes(name))
    await jobs.cancel(first.handle)
    await jobs.until(first.handle, 'ended')
    await waitFor('a pod of hers to be reached still', async () => (await ask(second, second.url)) === '200')
    assert.ok((await policies()).includes(name))
    await jobs.cancel(second.handle)
    await waitFor('the policy to go', async () => !(await policies()).includes(name), { deadlineMs: 60_000 })
    await start('dora')
    assert.ok((await policies()).includes(name))
  })

  test('what a control plane that was killed left behind is removed by the next, and what was changed is put right', async () => {
    const left = `atrium.${instance()}.n-gone`
    const base = `atrium.${instance()}`
    const labels = {
      'app.kubernetes.io/managed-by': 'atrium',
      'atrium.dev/instance': instance(),
      'atrium.dev/owner': 'n-gone',
    }
    await cluster.apply({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: left, namespace, labels },
      spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [{}] },
    })
    const opened = [{ op: 'replace', path: '/spec/ingress', value: [{}] }]
    const asJson = ['--type=json', `--patch=${JSON.stringify(opened)}`]
    await cluster.kubectl('patch', 'networkpolicy', base, '--namespace', namespace, ...asJson)
    const next = site.open()
    const signal = AbortSignal.timeout(120_000)
    await next.list({ signal })
    await waitFor('the policy of nobody to go', async () => !(await policies()).includes(left), {
      deadlineMs: 60_000,
    })
    const read = ['--namespace', namespace, '--output=jsonpath={.spec.ingress}']
    const ingress = await cluster.kubectl('get', 'networkpolicy', base, ...read)
    assert.match(ingress, new RegExp(`${cluster.controlAddress}/32`))
  })
})

const asker = `import sys, urllib.request, urllib.error
try: print(urllib.request.urlopen(sys.argv[1], timeout=3).status)
except urllib.error.HTTPError as error: print(error.code)
except OSError as error: print('no answer' if 'timed out' in str(error) else error)`

/** Servers on this machine's side of the node's network. */
async function openOutside(cluster: KubernetesCluster) {
  const device = `k8s-${cluster.name}`
  const addresses = { metadata: metadataAddress, world: outsideAddress }
  const servers: Server[] = []
  const urls = { metadata: '', world: '' }
  for (const name of ['metadata', 'world'] as const) {
    await runProgram('ip', ['address', 'add', `${addresses[name]}/32`, 'dev', device])
    const server = createServer((_, response) => response.end('here'))
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, addresses[name], resolve))
    urls[name] = `http://${addresses[name]}:${(server.address() as AddressInfo).port}/`
  }
  return {
    outside: urls,
    async close() {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
      for (const address of Object.values(addresses))
        await tryProgram('ip', ['address', 'delete', `${address}/32`, 'dev', device])
    },
  }
}

/** A pod of somebody who has nothing to do with the platform. */
async function startStranger(cluster: KubernetesCluster) {
  const [name, other] = ['network-policy-stranger', 'default']
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: other },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        { name: 'main', image: 'local.test/python:1', imagePullPolicy: 'Never', command: ['sleep', '600'] },
      ],
    },
  })
  const ready = ['--for=condition=Ready', '--namespace', other, '--timeout=60s']
  await cluster.kubectl('wait', `pod/${name}`, ...ready)
  const inPod = ['exec', name, '--namespace', other, '--', 'python3', '-c', asker]
  return {
    ask: async (url: string) => (await cluster.kubectl(...inPod, url)).trim(),
    remove: () => cluster.kubectl('delete', 'pod', name, '--namespace', other, '--wait=false'),
  }
}
