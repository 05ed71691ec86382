import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { CreatedLink } from '@atrium/contract/account.ts'
import type { PlatformStatus } from '@atrium/contract/status-api.ts'

import { HttpBrowser } from '../real-parts/http-browser.ts'
import { startKernel } from '../real-parts/notebook-kernel.ts'
import { signIn, startServer } from '../real-parts/people.ts'
import { type ChartSite, createChartSite } from './chart-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const password = 'correct horse battery staple'

describe('the Helm chart, installed', { skip: kubernetesSkipReason }, () => {
  let site: ChartSite
  let notes: string
  let ada: HttpBrowser

  before(async () => {
    site = await createChartSite(openSharedKubernetesCluster(), 'installed')
    notes = await site.deploy()
  })
  after(() => site?.dispose())

  const readKeys = () =>
    site.cluster.kubectl(
      'get',
      'secret',
      'installed-keys',
      '--namespace',
      site.namespace,
      '--output=jsonpath={.data}',
    )

  test('is ready, and its notes lead to the first administrator', async () => {
    const pods = await site.cluster.kubectl(
      ...['get', 'pods', '--namespace', site.namespace, '--selector=app.kubernetes.io/name=atrium'],
      '--output=jsonpath={range .items[*]}{.metadata.labels.app\\.kubernetes\\.io/component}={.status.containerStatuses[0].ready} {end}',
    )
    assert.deepEqual(pods.trim().split(' ').sort(), [
      'control-plane=true',
      'edge=true',
      'edge=true',
      'keeper=true',
    ])
    const status = JSON.parse(await site.atrium('status', '--json')) as PlatformStatus
    assert.deepEqual([status.scheduler.driver, status.scheduler.answers], ['kubernetes', true])
    assert.match(notes, /exec deployment\/installed-control-plane -- atrium user invite --admin/)
  })

  test('passes the test that it brings', async () => {
    const said = await site.helm('test', site.release, '--logs', '--timeout', '2m')
    assert.match(said, /200 \{"version":/)
  })

  test('takes a newcomer from the link to a cell that has run, through the Service', async () => {
    const link = JSON.parse(await site.atrium('user', 'invite', '--admin', '--json')) as CreatedLink
    assert.ok(link.url.startsWith(`${site.url}/hub/invitation#token=`), link.url)
    await makeAccount(link.url, 'ada')
    ada = await signIn(site, 'ada')
    await startServer(site, 'ada')
    const lab = await ada.open('/user/ada/lab')
    assert.equal(lab.status, 200, lab.text)
    assert.match(lab.text, /jupyter-config-data/)
    const kernel = await startKernel(ada, site.url, 'ada')
    try {
      const cell =
        'import os, sys; open("made-by-ada", "w").close(); print(os.getuid(), os.getcwd(), sys.prefix)'
      assert.match(await kernel.run(cell), /^2\d{4} \/home\/ada \/opt\/atrium\/environment\n$/)
    } finally {
      kernel.close()
    }
    assert.ok(existsSync(join(site.storage, 'homes', 'ada', 'made-by-ada')))
  })

  test('lets users’ programs reach the edge, and nothing else of the platform', async () => {
    const name = (part: string) => `installed-${part}.${site.namespace}.svc`
    const doors = {
      edge: [name('edge'), 8000],
      steering: [name('edges'), 8002],
      controlPlane: [await readAddress('control-plane'), 8001],
      keeper: [name('keeper'), 8070],
    }
    const kernel = await startKernel(ada, site.url, 'ada')
    try {
      const cell = `
import json, socket
def knock(host, port):
    try:
        socket.create_connection((host, port), timeout=3).close()
        return "open"
    except TimeoutError:
        return "closed"
print(json.dumps({name: knock(*door) for name, door in json.loads(${JSON.stringify(JSON.stringify(doors))}).items()}))`
      assert.deepEqual(JSON.parse(await kernel.run(cell)), {
        edge: 'open',
        ...{ steering: 'closed', controlPlane: 'closed', keeper: 'closed' },
      })
    } finally {
      kernel.close()
    }
  })

  test('changes its configuration by an upgrade that keeps keys, accounts, and servers as they run', async () => {
    const keys = await readKeys()
    const edges = await listPods('edge')
    const [pod] = await listPods('control-plane')
    const servers = await site.cluster.kubectl(
      'get',
      'pods',
      '--namespace',
      site.jobsNamespace,
      '--output=name',
    )
    await site.deploy({ config: { servers: { idle: { after: '7h' } } } })
    assert.equal(await readKeys(), keys)
    assert.notDeepEqual(await listPods('control-plane'), [pod])
    assert.deepEqual(await listPods('edge'), edges, 'edges have nothing to do with it')
    assert.equal(
      await site.cluster.kubectl('get', 'pods', '--namespace', site.jobsNamespace, '--output=name'),
      servers,
    )
    assert.equal((await ada.open('/user/ada/api/status')).status, 200)
  })

  test('keeps what users have when it is uninstalled, says so, and takes it up again', async () => {
    const keys = await readKeys()
    const said = await site.helm('uninstall', site.release, '--wait')
    assert.match(said, /kept due to the resource policy/)
    for (const kept of ['Namespace', 'PersistentVolumeClaim', 'PersistentVolume', 'Secret'])
      assert.match(said, new RegExp(`\\[${kept}\\]`))
    assert.ok(existsSync(join(site.storage, 'homes', 'ada', 'made-by-ada')))
    await site.deploy()
    assert.equal(await readKeys(), keys)
    const again = await signIn(site, 'ada')
    assert.equal((await again.open('/hub/home')).status, 200)
  })

  async function makeAccount(url: string, username: string): Promise<void> {
    const browser = new HttpBrowser(site.url)
    await browser.open('/hub/invitation')
    const used = await browser.call('/api/v1/links/use', {
      method: 'POST',
      body: JSON.stringify({ secret: new URL(url).hash.replace('#token=', ''), username, password }),
      headers: { 'x-xsrftoken': browser.cookie('_xsrf', '/hub/') ?? '' },
    })
    assert.equal(used.status, 200, used.text)
  }

  async function readAddress(part: string): Promise<string> {
    const selector = `--selector=app.kubernetes.io/component=${part}`
    const address = '--output=jsonpath={.items[0].status.podIP}'
    return await site.cluster.kubectl('get', 'pods', '--namespace', site.namespace, selector, address)
  }

  async function listPods(part: string): Promise<string[]> {
    const selector = `--selector=app.kubernetes.io/component=${part}`
    const names = await site.cluster.kubectl(
      'get',
      'pods',
      '--namespace',
      site.namespace,
      selector,
      '--output=name',
    )
    return names.trim().split('\n').sort()
  }
})
