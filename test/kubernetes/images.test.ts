import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { KubernetesCluster } from './cluster.ts'
import {
  buildStage,
  ensurePlatformImage,
  importPlatformImage,
  notebookImage,
  type PlatformImage,
  platformImage,
} from './platform-images.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const namespace = 'images-test'
const megabyte = 1_000_000
/** Of `e_machine` in an ELF header at offset 18, little-endian. */
const arm64 = 0xb7

describe('the images', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster

  before(async () => {
    cluster = openSharedKubernetesCluster()
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } })
    for (const image of ['platform', 'notebook'] as const) await importPlatformImage(cluster, image)
  })
  after(async () => {
    await cluster?.kubectl('delete', 'namespace', namespace, '--wait=false')
  })

  /** What a program of the image prints, as a pod that is nobody in particular and can write nowhere but to /tmp. */
  async function run(name: string, image: string, command: readonly string[], uid?: number): Promise<string> {
    await cluster.apply(buildPod({ name, image, command, ...(uid === undefined ? {} : { uid }) }))
    const about = ['--namespace', namespace, `pod/${name}`]
    await cluster.kubectl(
      'wait',
      '--for=jsonpath={.status.containerStatuses[0].state.terminated}',
      '--timeout=90s',
      ...about,
    )
    return await cluster.kubectl('logs', ...about)
  }

  test('the platform’s runs its command line as nobody in particular, from a read-only image', async () => {
    const said = await run('platform', platformImage, [
      'sh',
      '-c',
      'id -u; atrium --version; atrium validate --help',
    ])
    assert.match(said, /^10001\n0\.1\.0\nUsage: atrium validate/)
  })

  test('the platform’s brings nothing that builds', async () => {
    const absent = ['npm', 'npx', 'pip', 'pip3', 'python3', 'gcc', 'cc', 'make', 'git', 'curl']
    const look = `for p in ${absent.join(' ')}; do command -v $p; done; ls -d /src /opt/npm /opt/atrium/node_modules 2>/dev/null; true`
    assert.equal(await run('lean', platformImage, ['sh', '-c', look]), '')
  })

  test('the notebook’s has JupyterLab, Dask and the single-user server, for any uid', async () => {
    const program =
      'import dask, distributed, jupyterlab, jupyterhub, os, sys; print(os.getuid(), sys.prefix)'
    const said = await run('notebook', notebookImage, ['python', '-c', program], 23_456)
    assert.equal(said, '23456 /opt/atrium/environment\n')
    const version = await run('singleuser', notebookImage, ['jupyterhub-singleuser', '--version'], 23_456)
    assert.match(version, /^\d+\.\d+/)
    // What starts jobs: the system's Python, which no environment replaces.
    assert.match(await run('system', notebookImage, ['/usr/bin/python3', '-V']), /^Python 3\./)
  })

  test('stay of a size that is worth a pull', async () => {
    const most: Readonly<Record<PlatformImage, number>> = {
      platform: 130 * megabyte,
      notebook: 420 * megabyte,
    }
    for (const [image, bytes] of Object.entries(most) as [PlatformImage, number][]) {
      const { size } = statSync(await ensurePlatformImage(image))
      assert.ok(size < bytes, `${image}: ${Math.round(size / megabyte)} MB, compressed`)
    }
  })

  test('the platform’s can be made for another architecture, where nothing of it runs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'atrium-images-'))
    try {
      await buildStage('node', { architecture: 'arm64', path: 'tree', target: folder })
      for (const file of ['opt/atrium/bin/node', 'usr/lib/aarch64-linux-gnu/libatomic.so.1'])
        assert.equal(readFileSync(join(folder, 'tree', file)).readUInt16LE(18), arm64)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

function buildPod({
  name,
  image,
  command,
  uid,
}: {
  name: string
  image: string
  command: readonly string[]
  uid?: number
}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        ...(uid === undefined ? {} : { runAsUser: uid }),
        seccompProfile: { type: 'RuntimeDefault' },
      },
      volumes: [{ name: 'tmp', emptyDir: {} }],
      containers: [
        {
          name: 'main',
          image,
          imagePullPolicy: 'Never',
          command,
          env: [{ name: 'HOME', value: '/tmp' }],
          volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  }
}
