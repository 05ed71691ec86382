import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { parseConfig } from '@atrium/server/config/parse-config.ts'
import { version } from '@atrium/server/main/version.ts'
import { parse, parseAllDocuments } from 'yaml'

import { tryProgram } from '../support/cluster/run-program.ts'
import { chartFolder } from './chart-site.ts'
import type { KubernetesCluster } from './cluster.ts'
import { ensureHelm } from './helm.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const images = {
  image: { repository: 'registry.example.org/atrium' },
  notebookImage: { repository: 'registry.example.org/atrium-notebook' },
}

const levels = ['baseline', 'restricted']

/** What administrators may want, by what is special about it. */
const sites: Readonly<Record<string, object>> = {
  'of nothing but images': {},
  'behind an ingress, with NFS and PostgreSQL': {
    storage: { nfs: { server: '10.0.0.5', path: '/export/atrium', mountOptions: ['nfsvers=4.2'] } },
    database: { existingSecret: 'postgres' },
    controlPlane: { replicas: 3, podLabels: { team: 'science' }, podAnnotations: { note: 'a "quoted" one' } },
    edge: {
      replicas: 3,
      ingress: {
        enabled: true,
        className: 'nginx',
        host: 'atrium.example.org',
        tlsSecret: 'atrium-tls',
        annotations: { 'nginx.ingress.kubernetes.io/proxy-body-size': '0' },
      },
    },
    imagePullSecrets: ['registry'],
    jobs: { namespace: 'people', imagePullSecrets: ['registry'] },
  },
  'behind a load balancer with its own certificate, on a CSI driver, with keys of its own': {
    edge: {
      service: {
        type: 'LoadBalancer',
        port: 443,
        loadBalancerSourceRanges: ['10.0.0.0/8'],
        externalTrafficPolicy: 'Local',
      },
      tls: { secretName: 'atrium-tls' },
    },
    storage: {
      csi: {
        driver: 'efs.csi.aws.com',
        volumeHandle: 'fs-1',
        platformVolumeHandle: 'fs-1::fsap-1',
        volumeAttributes: { encryptInTransit: 'true' },
      },
    },
    keys: { existingSecret: 'atrium-keys' },
    image: { repository: 'registry.example.org/atrium', digest: `sha256:${'0'.repeat(64)}` },
    config: { edge: { publicUrl: 'https://atrium.example.org' } },
  },
  'on a node port, with claims of its own and hardly anything made by the chart': {
    edge: {
      service: { type: 'NodePort', nodePort: 30_080 },
      nodeSelector: { zone: 'a' },
      tolerations: [{ operator: 'Exists' }],
    },
    storage: { existingClaims: { jobs: 'homes', platform: 'homes' } },
    rbac: { create: false },
    serviceAccount: { create: false, name: 'default' },
    networkPolicies: { enabled: false },
    priorityClasses: { create: false },
    podDisruptionBudgets: { enabled: false },
    jobs: { createNamespace: false },
    fullnameOverride: 'platform',
  },
}

describe('the Helm chart', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let helm: string
  let folder: string

  before(async () => {
    cluster = openSharedKubernetesCluster()
    helm = await ensureHelm(console.error)
    folder = mkdtempSync(join(tmpdir(), 'atrium-chart-'))
    for (const level of levels) {
      const name = `chart-test-${level}`
      const labels = { 'pod-security.kubernetes.io/enforce': level }
      await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
      await cluster.kubectl(
        'wait',
        '--for=create',
        'serviceaccount/default',
        '--namespace',
        name,
        '--timeout=60s',
      )
    }
  })
  after(async () => {
    for (const level of levels)
      await cluster?.kubectl('delete', 'namespace', `chart-test-${level}`, '--wait=false')
    rmSync(folder, { recursive: true, force: true })
  })

  const run = (args: readonly string[], values: object) => {
    const file = join(folder, 'values.json')
    writeFileSync(file, JSON.stringify({ ...images, ...values }))
    const command = [
      ...args,
      '--kubeconfig',
      cluster.kubeconfig,
      '--namespace',
      'chart-test',
      '--values',
      file,
    ]
    return tryProgram(helm, command, { env: { HOME: folder } })
  }
  const render = (values: object) => run(['template', 'atrium', chartFolder], values)

  test('lints, and has the version of the platform', async () => {
    const { version: ofChart, appVersion } = parse(readFileSync(join(chartFolder, 'Chart.yaml'), 'utf8'))
    assert.deepEqual([ofChart, appVersion], [version, version])
    const { code, stdout } = await run(['lint', chartFolder, '--strict'], {})
    assert.equal(code, 0, stdout)
  })

  for (const [about, values] of Object.entries(sites)) {
    test(`makes what the API server takes, for a site ${about}`, async () => {
      const objects = await renderObjects(values)
      await dryRun(objects)
      const file = objects.find(({ kind }) => kind === 'ConfigMap')?.data?.['atrium.yaml'] ?? ''
      assert.equal(parseConfig(file, 'atrium.yaml').scheduler.driver, 'kubernetes')
    })
  }

  test('runs everything under the restricted Pod Security Standard, but for the keeper, which is root with three capabilities', async () => {
    const shared = {
      storage: { hostPath: { path: '/srv/atrium' } },
      edge: { tls: { secretName: 'tls' } },
      serviceAccount: { name: 'default' },
    }
    const pods = (await renderObjects(shared)).flatMap(readPod)
    assert.deepEqual(pods.map(({ metadata }) => metadata.name).sort(), [
      'atrium-control-plane',
      'atrium-edge',
      'atrium-keeper',
      'atrium-test',
    ])
    for (const pod of pods) {
      const isKeeper = pod.metadata.name === 'atrium-keeper'
      const level = isKeeper ? 'baseline' : 'restricted'
      await dryRun([{ ...pod, metadata: { ...pod.metadata, namespace: `chart-test-${level}` } }])
      if (isKeeper)
        assert.match(JSON.stringify(pod), /"drop":\["ALL"\],"add":\["CHOWN","DAC_OVERRIDE","FOWNER"\]/)
    }
  })

  test('gives each part the keys that it needs and no others', async () => {
    const shared = { storage: { hostPath: { path: '/srv/atrium' } } }
    const keysOf = new Map(
      (await renderObjects(shared)).flatMap(readPod).map(({ metadata, spec }) => {
        const { secret } = spec.volumes?.find(({ name }) => name === 'keys') ?? {}
        return [metadata.name, secret?.items.map(({ key }) => key)]
      }),
    )
    assert.deepEqual(keysOf.get('atrium-edge'), ['edge.key'])
    assert.deepEqual(keysOf.get('atrium-keeper'), ['keeper.token'])
    assert.deepEqual(keysOf.get('atrium-test'), undefined)
  })

  test('makes a route of the Gateway API', async () => {
    const gateway = {
      enabled: true,
      host: 'atrium.example.org',
      parentRefs: [{ name: 'public', namespace: 'gateways' }],
    }
    const route = (await renderObjects({ edge: { gateway } })).find(({ kind }) => kind === 'HTTPRoute')
    assert.deepEqual(route?.spec, {
      parentRefs: gateway.parentRefs,
      hostnames: ['atrium.example.org'],
      rules: [{ backendRefs: [{ name: 'atrium-edge', port: 8000 }], timeouts: { request: '0s' } }],
    })
  })

  async function renderObjects(values: object): Promise<Rendered[]> {
    const { code, stdout, stderr } = await render(values)
    assert.equal(code, 0, stderr)
    return parseAllDocuments(stdout).map((document) => document.toJS() as Rendered)
  }

  /** Strictly: a field that does not exist is refused. Namespaces of the release that do not exist yet are replaced by one that does. */
  async function dryRun(objects: readonly Rendered[]): Promise<void> {
    const items = objects.map((object) => ({
      ...object,
      metadata: {
        ...object.metadata,
        ...(levels.some((level) => object.metadata.namespace === `chart-test-${level}`) ||
        object.metadata.namespace === undefined
          ? {}
          : { namespace: 'default' }),
      },
    }))
    const file = join(folder, 'objects.json')
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    await cluster.kubectl('apply', '--dry-run=server', '--validate=strict', '--filename', file)
  }

  test('says which key of atrium.yaml is misspelt', async () => {
    const { code, stderr } = await render({ config: { servers: { idel: { timeout: '1h' } } } })
    assert.notEqual(code, 0)
    assert.match(stderr, /config\/servers.*'idel'/)
  })

  test('says what is missing, in words', async () => {
    const nowhere = await render({ image: { repository: '' } })
    assert.match(nowhere.stderr, /Say where your images are: image\.repository/)
    const replicas = await render({ controlPlane: { replicas: 2 } })
    assert.match(replicas.stderr, /More than one control plane needs PostgreSQL/)
    const service = await render({ config: { services: [{ name: 'culler', command: ['cull'] }] } })
    assert.match(service.stderr, /The service culler has a command/)
    const twice = await render({ storage: { nfs: { server: 'a', path: '/b' }, hostPath: { path: '/c' } } })
    assert.match(twice.stderr, /storage is one of nfs, hostPath/)
  })

  test('lets what is configured go before what it knows itself', async () => {
    const config = {
      edge: { maxUpload: '2G' },
      scheduler: { kubernetes: { instance: 'mine', reserved: { cpu: 0.5 } } },
    }
    const { stdout } = await render({ config })
    assert.match(stdout, /maxUpload: 2G/)
    assert.match(stdout, /instance: mine/)
    assert.match(stdout, /hubUrl: http:\/\/atrium-edge\.chart-test\.svc:8000/)
  })
})

interface Rendered {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string }
  data?: Record<string, string>
  spec?: PodSpec & { template?: { spec: PodSpec } }
}

interface PodSpec {
  volumes?: { name: string; secret?: { items: { key: string }[] } }[]
}

/** The pod that a Deployment makes, or that is there for itself. */
function readPod({ kind, metadata, spec }: Rendered): (Rendered & { spec: PodSpec })[] {
  const pod = kind === 'Pod' ? spec : spec?.template?.spec
  return pod === undefined
    ? []
    : [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: metadata.name }, spec: pod }]
}
