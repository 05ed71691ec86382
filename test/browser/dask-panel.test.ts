import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import type { ClusterList } from '@atrium/contract/clusters-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { Page } from 'playwright-core'

import { type Platform, startPlatform } from '../support/platform.ts'
import { ensureTestEnvironment } from '../support/python-environment.ts'
import { createUser } from './platform-journey.ts'
import { useChromium } from './portal-fixture.ts'

const chromium = useChromium()
const patient = { timeout: 120_000 }
let platform: Platform
let alice: Page

before(async () => {
  platform = await startPlatform({ prefix: await ensureTestEnvironment() })
  alice = await createUser(platform, (await chromium.newPage()).context(), 'alice')
})
after(() => platform?.dispose())

const listClusters = async () => (await platform.api<ClusterList>('GET', '/api/v1/clusters')).body.clusters

test("dask-labextension's panel in JupyterLab makes a cluster, and shows its dashboard behind the edge", async (t) => {
  await platform.api('POST', '/hub/api/users/alice/server')
  await alice.goto(`${platform.url}/user/alice/lab`)

  await t.test('the button makes a cluster', async () => {
    await alice.getByRole('tab', { name: 'Dask' }).click(patient)
    await alice.getByRole('button', { name: 'New' }).click(patient)
    await alice.getByText('GatewayCluster 1').waitFor(patient)
    assert.deepEqual(
      (await listClusters()).map(({ user, state }) => [user, state]),
      [['alice', 'running']],
    )
  })

  await t.test('its plots can be opened, and draw', async () => {
    await alice.getByText('GatewayCluster 1').click()
    const plot = alice.getByRole('button', { name: 'Task Stream', exact: true })
    await plot.click(patient)
    const frame = alice.frameLocator('iframe[src*="/gateway/clusters/"]')
    await frame
      .locator('.bk-Figure')
      .first()
      .waitFor({ ...patient, state: 'attached' })
  })

  await t.test('its button shuts the cluster down', async () => {
    await alice.getByRole('button', { name: 'Shutdown' }).click()
    await waitFor('the end', async () => (await listClusters()).length === 0, { deadlineMs: 120_000 })
  })
})
