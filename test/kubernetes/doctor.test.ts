import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { Finding } from '@atrium/server/main/doctor/finding.ts'
import { clusterRights, namespaceRights } from '@atrium/server/main/doctor/kubernetes-rights.ts'
import { parse } from 'yaml'

import { tryProgram } from '../support/cluster/run-program.ts'
import { findFreePort } from '../support/free-port.ts'
import { ensureTestEnvironment } from '../support/python-environment.ts'
import type { KubernetesCluster } from './cluster.ts'
import { ensureClaims } from './platform-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const root = join(import.meta.dirname, '..', '..')
const program = join(root, 'server', 'src', 'main', 'doctor.ts')

test('the rights that the doctor asks for are those of the role that is shipped', () => {
  interface Rule {
    apiGroups: string[]
    resources: string[]
    verbs: string[]
  }
  const read = (name: string) =>
    parse(readFileSync(join(root, 'deploy', 'kubernetes', 'chart', 'rbac', name), 'utf8')) as Rule[]
  const flat = (rules: readonly Rule[]) =>
    rules
      .flatMap(({ apiGroups, resources, verbs }) =>
        resources.flatMap((resource) => verbs.map((verb) => `${apiGroups.join()} ${resource} ${verb}`)),
      )
      .sort()
  const asked = (rights: typeof namespaceRights) =>
    rights
      .flatMap(({ group, resource, subresource, verbs }) =>
        verbs.map(
          (verb) => `${group} ${resource}${subresource === undefined ? '' : `/${subresource}`} ${verb}`,
        ),
      )
      .sort()
  assert.deepEqual(asked(namespaceRights), flat(read('role-rules.yaml')))
  assert.deepEqual(asked(clusterRights), flat(read('cluster-role-rules.yaml')))
})

describe('atrium doctor on a Kubernetes cluster', { skip: kubernetesSkipReason }, () => {
  const namespace = `doctor-${randomBytes(4).toString('hex')}`
  let cluster: KubernetesCluster
  let folder = ''
  let prefix = ''
  let port = 0

  before(async () => {
    cluster = openSharedKubernetesCluster()
    folder = mkdtempSync(join(cluster.dir, 'doctor-'))
    chmodSync(folder, 0o755)
    mkdirSync(join(folder, 'root'))
    prefix = await ensureTestEnvironment()
    port = await findFreePort()
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } })
    await ensureClaims(cluster, namespace, { root: join(folder, 'root'), environments: dirname(prefix) })
  })
  after(async () => {
    await cluster.kubectl('delete', 'namespace', namespace, '--ignore-not-found', '--timeout=120s')
    await cluster.kubectl('delete', 'persistentvolumes', '--selector', `atrium.test/site=${namespace}`)
    rmSync(folder, { recursive: true, force: true })
  })

  async function examine(kubernetes: object = {}, more: object = {}): Promise<readonly Finding[]> {
    const config = join(folder, 'atrium.yaml')
    const content = {
      data: join(folder, 'data'),
      edge: { host: '0.0.0.0', port },
      environment: { prefix },
      scheduler: {
        driver: 'kubernetes',
        kubernetes: {
          ...{ kubeconfig: cluster.kubeconfig, namespace, image: 'local.test/python:1' },
          ...{ imagePullPolicy: 'Never', hubUrl: `http://${cluster.controlAddress}:${port}` },
          storage: {
            root: { claim: 'root', folder: join(folder, 'root') },
            environments: { claim: 'environments', path: dirname(prefix) },
          },
          ...kubernetes,
        },
      },
      ...more,
    }
    // JSON is YAML.
    writeFileSync(config, JSON.stringify(content))
    const words = [program, '--config', config, '--json', '--wait', '90']
    const result = await tryProgram(process.execPath, words, { timeoutMs: 240_000 })
    assert.ok(result.stdout.startsWith('{'), result.stderr)
    return (JSON.parse(result.stdout) as { findings: Finding[] }).findings
  }
  const textsOf = (findings: readonly Finding[], check: string) =>
    findings.filter((finding) => finding.check === check).map(({ status, text }) => `${status}: ${text}`)

  test('finds a site in order, by a pod of its own that leaves nothing', async () => {
    const findings = await examine({
      networkPolicy: { enabled: true, controlPlane: { cidrs: [`${cluster.controlAddress}/32`] } },
      nodePools: [{ name: 'all', nodeSelector: { 'kubernetes.io/hostname': cluster.node.name }, nodes: 1 }],
    })
    const bad = findings.filter(({ status, check }) => status !== 'ok' && check !== 'disk')
    assert.deepEqual(bad, [])
    const checks = new Set(findings.map(({ check }) => check))
    for (const check of [
      ...['API server', 'rights', 'claims', 'nodes', 'pool all', 'profile default', 'pod security'],
      ...['pod', 'pod to platform', 'platform to pod', 'server', 'clock', 'network policies'],
    ])
      assert.ok(checks.has(check), check)
    const left = await cluster.kubectl(
      'get',
      'pods,networkpolicies',
      '--namespace',
      namespace,
      '--output=name',
    )
    assert.equal(left.trim(), '')
  })

  test('names what is missing, each with what to do', async () => {
    const findings = await examine(
      {
        hubUrl: `http://${cluster.controlAddress}:1`,
        nodePools: [{ name: 'gone', nodeSelector: { pool: 'gone' }, nodes: 2 }],
        storage: {
          root: { claim: 'lost', folder: join(folder, 'root') },
          environments: { claim: 'environments', path: dirname(prefix) },
        },
      },
      { profiles: [{ name: 'urgent', kubernetes: { priorityClass: 'nobody-made-it' } }] },
    )
    assert.deepEqual(textsOf(findings, 'claims')[0], `problem: There is no claim lost in ${namespace}`)
    assert.match(textsOf(findings, 'pool gone').join(), /^warning: 0 nodes ready with pool=gone; 2 expected$/)
    assert.match(
      textsOf(findings, 'profile urgent').join(),
      /^problem: .*no PriorityClass with name nobody-made-it/,
    )
    assert.match(textsOf(findings, 'pod to platform').join(), /^problem: A pod does not reach .*refused/)
    for (const { status, mend } of findings) assert.ok(status === 'ok' || mend !== undefined)
  })

  test('names rights that an account lacks', async () => {
    await cluster.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bare', namespace } })
    const token = (await cluster.kubectl('create', 'token', 'bare', '--namespace', namespace)).trim()
    const { clusters } = parse(readFileSync(cluster.kubeconfig, 'utf8')) as { clusters: { name: string }[] }
    const kubeconfig = join(folder, 'bare.conf')
    const context = { cluster: clusters[0]?.name, user: 'bare' }
    const content = {
      ...{ apiVersion: 'v1', kind: 'Config', clusters, 'current-context': 'bare' },
      ...{ contexts: [{ name: 'bare', context }], users: [{ name: 'bare', user: { token } }] },
    }
    writeFileSync(kubeconfig, JSON.stringify(content), { mode: 0o600 })
    const [rights = ''] = textsOf(await examine({ kubeconfig }), 'rights')
    assert.match(rights, /^problem: It may not get pods, list pods, .*get pods\/log, .*watch nodes$/)
  })

  test('says that there is no cluster to ask', async () => {
    const nowhere = join(folder, 'nowhere.conf')
    const server = readFileSync(cluster.kubeconfig, 'utf8').replaceAll(cluster.apiUrl, 'https://127.0.0.1:1')
    writeFileSync(nowhere, server, { mode: 0o600 })
    assert.match(
      textsOf(await examine({ kubeconfig: nowhere }), 'API server').join(),
      /^problem: .*does not answer/,
    )
  })
})
