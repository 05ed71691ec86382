import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { seeText, usePortal } from './portal-fixture.ts'

describe('Dask clusters', () => {
  const portal = usePortal()

  test('who has none sees the lines of Python that make one, to copy', async () => {
    const { page, server } = await portal.open('/hub/compute', { user: 'alice' })
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.url })
    const lines = page.getByRole('figure', { name: 'Makes a cluster' })
    await lines.getByRole('button', { name: 'Copy' }).click()
    await lines.getByRole('button', { name: 'Copied' }).waitFor()
    assert.equal(
      await page.evaluate(() => navigator.clipboard.readText()),
      'from dask_gateway import Gateway\ncluster = Gateway().new_cluster()\nclient = cluster.get_client()',
    )
  })

  test('a person sees the own ones: state, what they wait for, workers and cost', async () => {
    const { page } = await portal.open('/hub/compute/clusters', { user: 'ada' })
    const rows = page.getByRole('table', { name: 'Dask clusters' }).getByRole('row')
    await rows.nth(1).getByText('The scheduler waits for a free node (Resources).').waitFor()
    assert.equal(await rows.count(), 5, 'four of ada, none of others')
    await rows.nth(2).getByText('5 of 8, 3 waiting').waitFor()
    await rows.nth(2).getByRole('img', { name: '5 running, 3 waiting, 32 at most' }).waitFor()
    await rows.nth(2).getByText('0.68 EUR').waitFor()
    const dashboard = rows.nth(2).getByRole('link', { name: /^Dashboard of .{8}, in a new tab$/ })
    assert.match((await dashboard.getAttribute('href')) ?? '', /^\/gateway\/clusters\/[0-9a-f]{32}\/status$/)
    assert.equal(await dashboard.getAttribute('target'), '_blank')
    assert.equal(
      await rows
        .nth(1)
        .getByRole('link', { name: /Dashboard/ })
        .count(),
      0,
    )
    await page.getByRole('combobox', { name: 'State' }).selectOption('Ended')
    await seeText(page, 'Nothing was computed for 30 min.')
  })

  test('a cluster’s page tells when it stops by itself, of what it is made, and what its workers do', async () => {
    const { page } = await portal.open('/hub/compute/clusters', { user: 'ada' })
    await page.getByRole('table').getByRole('row').nth(3).getByRole('link').first().click()
    await page.getByRole('heading', { level: 1, name: /^Cluster / }).waitFor()
    await seeText(page, 'Stops after 30 min without work, or 10 min after its last client has left.')
    await seeText(page, 'Adapts between 0 and 20')
    await seeText(page, '4 cores · 32 GB · 1 GPU · can be preempted')
    await seeText(page, '/shared/environments/rapids/4f1c09')
    await seeText(page, 'rapids-26.10')
    const workers = page.getByRole('region', { name: 'Workers' })
    await workers.getByLabel('State').selectOption('Ended')
    await workers.getByText('A job of higher priority needed its node. Replaced.').waitFor()
  })

  test('logs of the scheduler and of each worker come as they are written', async () => {
    const { page, server } = await portal.open('/hub/compute/clusters', { user: 'ada' })
    await page.goto(`${server.url}/hub/compute/clusters/${server.api.state.clusters[1]?.name}`)
    await page
      .getByRole('log', { name: 'Log of the scheduler' })
      .getByText('line 2 of dask-scheduler')
      .waitFor()
    await page.getByRole('button', { name: 'Log of worker-3' }).click()
    await page.getByRole('log', { name: 'Log of worker-3' }).getByText('line 2 of worker-3').waitFor()
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'SELECT')
    await page.getByLabel('Log of', { exact: true }).selectOption('Scheduler')
    await page.getByRole('log', { name: 'Log of the scheduler' }).waitFor()
  })

  test('a cluster is scaled by number, adapted, and stopped after a question', async () => {
    const { page, server } = await portal.open('/hub/compute/clusters', { user: 'ada' })
    const cluster = server.api.state.clusters[1]
    assert.ok(cluster)
    await page.goto(`${server.url}/hub/compute/clusters/${cluster.name}`)
    const scale = page.getByRole('button', { name: 'Scale', exact: true })
    const dialog = page.getByRole('dialog')
    await scale.click()
    await dialog.getByText('It gets 32 workers at most').waitFor()
    await dialog.getByLabel('Number of workers').fill('12')
    await dialog.getByRole('button', { name: 'Scale' }).click()
    await seeText(page, '12 of 12')
    await scale.click()
    await dialog.getByRole('radio', { name: 'As the work needs' }).check()
    await dialog.getByLabel('At least').fill('9')
    await dialog.getByLabel('At most').fill('4')
    await dialog.getByRole('button', { name: 'Scale' }).click()
    await dialog.getByText('This is less than the minimum.').waitFor()
    await dialog.getByLabel('At least').fill('2')
    await dialog.getByRole('button', { name: 'Scale' }).click()
    await seeText(page, 'Adapts between 2 and 4')
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await dialog.getByText('what they compute and hold in memory is lost').waitFor()
    await dialog.getByRole('button', { name: 'Stop the cluster' }).click()
    await seeText(page, 'Stopped by ada.')
    assert.equal(await page.getByRole('link', { name: /Dashboard/ }).count(), 0)
  })

  test('200 workers are read page by page', async () => {
    const { page, server } = await portal.open('/hub/admin/jobs/clusters?user=ben.berg', { user: 'ada' })
    await page.getByText('187 of 200, 13 waiting').waitFor()
    await page.goto(`${server.url}/hub/compute/clusters/${server.api.state.clusters[6]?.name}`)
    const workers = page.getByRole('region', { name: 'Workers' })
    await workers.getByText('1–25 of 200').waitFor()
    assert.equal(await workers.getByRole('row').count(), 26)
    await workers.getByRole('button', { name: 'Next' }).click()
    await workers.getByText('26–50 of 200').waitFor()
    await workers.getByLabel('State').selectOption('Waiting and starting')
    await workers.getByText('Group astro uses 48 of 48 cores.').first().waitFor()
    assert.equal(await workers.getByRole('row').count(), 14)
  })

  test('names and words of others stay text', async () => {
    const { page } = await portal.open('/hub/admin/jobs/clusters?user=carla.berg', { user: 'ada' })
    await page.getByText('<img src=x').first().waitFor()
    await page.getByRole('table').getByRole('row').nth(1).getByRole('link').first().click()
    await page.getByRole('heading', { level: 1, name: /^Cluster / }).waitFor()
    await page.getByText('<img src=x').first().waitFor()
    assert.equal(await page.locator('main img').count(), 0)
    assert.doesNotMatch(await page.title(), /owned/)
  })

  test('what belongs to others is not for who is no administrator', async () => {
    const { page, server } = await portal.open('/hub/compute', { user: 'alice' })
    await page.goto(`${server.url}/hub/compute/clusters/${server.api.state.clusters[1]?.name}`)
    await seeText(page, 'This cluster cannot be shown')
  })
})
