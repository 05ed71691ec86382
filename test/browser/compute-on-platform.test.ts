import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { RunDetail } from '@atrium/contract/runs-api.ts'
import type { Page } from 'playwright-core'

import { type DaskUser, openCluster, startDaskUser } from '../support/dask.ts'
import { type Platform, startPlatform } from '../support/platform.ts'
import { createUser } from './platform-journey.ts'
import { seeText, useChromium } from './portal-fixture.ts'

/** Starts of Python on a busy machine. */
const patient = { timeout: 120_000 }

/** Says something, and waits until the test opens its gate. */
const gated =
  'echo "before the gate"; while [ ! -e "$1" ]; do sleep 0.1; done; echo "behind the gate"; exit 3'

const chromium = useChromium()
let folder: string
let platform: Platform
let alice: Page
let bob: Page
let python: DaskUser

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atrium-gate-'))
  await chmod(folder, 0o755)
  platform = await startPlatform()
  alice = await createUser(platform, (await chromium.newPage()).context(), 'alice')
  bob = await createUser(platform, (await chromium.newPage()).context(), 'bob')
  python = await startDaskUser(platform, 'alice')
})

after(async () => {
  python?.close()
  await platform?.dispose()
  await rm(folder, { recursive: true, force: true })
})

/** A notebook of one cell, behind that of its parameters. */
function buildNotebook(source: string): string {
  const cell = { cell_type: 'code', execution_count: null, outputs: [] }
  return JSON.stringify({
    cells: [
      { ...cell, id: 'a', metadata: { tags: ['parameters'] }, source: 'days = 1' },
      { ...cell, id: 'b', metadata: {}, source },
    ],
    metadata: { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } },
    nbformat: 4,
    nbformat_minor: 5,
  })
}

const open = (page: Page, path: string) => page.goto(`${platform.url}/hub/${path}`)

/** What the address answers to the browser's own request, as `page`'s user. */
const statusOf = (page: Page, path: string) =>
  page.evaluate(async (path) => (await fetch(path, { redirect: 'manual' })).status, path)

describe('a Dask cluster of the unmodified client', () => {
  let name: string

  test('shows with its workers, what they cost, and when it stops by itself', async () => {
    await open(alice, 'compute')
    await seeText(alice, 'No cluster runs')
    name = await openCluster(python, 2)
    const row = alice.getByRole('table', { name: 'Dask clusters' }).getByRole('row').nth(1)
    await row.getByText('2 of 2').waitFor(patient)
    await row.getByText('Running').waitFor()
    await row.getByRole('link').first().click()
    await alice.getByRole('heading', { level: 1, name: `Cluster ${name.slice(0, 8)}` }).waitFor()
    await seeText(alice, /^Stops after .* without work, or .* after its last client has left\.$/)
    const workers = alice.getByRole('table', { name: 'Workers' })
    await workers.getByText('Running').nth(1).waitFor(patient)
  })

  test('tells what its scheduler and its workers print', async () => {
    await alice
      .getByRole('log', { name: 'Log of the scheduler' })
      .getByText(/\w{8,}/)
      .waitFor(patient)
    await alice
      .getByRole('button', { name: /^Log of / })
      .first()
      .click()
    await alice
      .getByRole('log', { name: /^Log of (?!the scheduler)/ })
      .getByText(/\w{8,}/)
      .waitFor(patient)
  })

  test('has its dashboard behind the edge, live, for its owner', async () => {
    const [dashboard] = await Promise.all([
      alice.context().waitForEvent('page'),
      alice.getByRole('link', { name: /^Dashboard/ }).click(),
    ])
    const socket = await dashboard.waitForEvent('websocket', patient)
    await socket.waitForEvent('framereceived', patient)
    await dashboard.getByText('Workers', { exact: true }).first().waitFor(patient)
    assert.equal(await statusOf(alice, `/gateway/clusters/${name}/status`), 200)
    await dashboard.close()
  })

  test('is nobody else’s to see or to open', async () => {
    await open(bob, `compute/clusters/${name}`)
    await seeText(bob, 'This cluster cannot be shown')
    const path = `/gateway/clusters/${name}/status`
    assert.ok([403, 404].includes(await statusOf(bob, path)), 'bob opened it')
    const failed = await bob.evaluate(
      (path) =>
        new Promise<boolean>((resolve) => {
          const socket = new WebSocket(new URL(path, location.href.replace(/^http/, 'ws')))
          socket.onerror = () => resolve(true)
          socket.onopen = () => resolve(false)
        }),
      `${path}/ws`,
    )
    assert.ok(failed, 'bob had a websocket to it')
  })

  test('is scaled and stopped here, and the client finds it so', async () => {
    await open(alice, `compute/clusters/${name}`)
    await alice.getByRole('button', { name: 'Scale' }).click()
    await alice.getByLabel('Number of workers').fill('1')
    await alice.getByRole('dialog').getByRole('button', { name: 'Scale' }).click()
    await alice.getByText('1 of 1').first().waitFor(patient)
    assert.equal(await python.run('print(client.submit(sum, [1, 2, 3]).result(timeout=120))'), '6\n')
    await alice.getByRole('button', { name: 'Stop' }).click()
    await alice.getByRole('dialog').getByRole('button', { name: 'Stop the cluster' }).click()
    await alice.getByRole('heading', { level: 1 }).getByText('Stopped').waitFor(patient)
    assert.equal(await python.run('print(gateway.list_clusters())'), '[]\n')
  })
})

describe('a run', () => {
  test('shows its output as it comes, and how it ended; it is run again and cancelled', async () => {
    const gate = join(folder, 'run')
    const { body } = await platform.api<RunDetail>('POST', '/api/v1/runs', {
      token: python.token,
      body: { command: ['/bin/sh', '-c', gated, 'sh', gate], name: 'gated' },
    })
    await open(alice, 'compute/runs')
    await alice.getByRole('link', { name: 'gated' }).click()
    const log = alice.getByRole('log', { name: 'Log' })
    await log.getByText('before the gate').waitFor(patient)
    await writeFile(gate, '')
    await log.getByText('behind the gate').waitFor(patient)
    await alice.getByRole('heading', { level: 1 }).getByText('Failed').waitFor(patient)
    const exit = alice.locator('dl > div', { hasText: 'Exit status' })
    await exit.getByText('3', { exact: true }).waitFor(patient)
    await rm(gate)
    await alice.getByRole('button', { name: 'Run again' }).click()
    await alice.waitForURL(`**/compute/runs/${body.id + 1}`)
    await log.getByText('before the gate').waitFor(patient)
    await alice.getByRole('button', { name: 'Cancel the run' }).click()
    await alice.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click()
    await alice.getByRole('heading', { level: 1 }).getByText('Cancelled').waitFor(patient)
  })

  test('of many jobs shows each, and the output of the one that failed', async () => {
    await platform.api<RunDetail>('POST', '/api/v1/runs', {
      token: python.token,
      body: {
        command: ['/bin/sh', '-c', 'echo "number $ATRIUM_ARRAY_INDEX"; test $ATRIUM_ARRAY_INDEX != 3'],
        name: 'many',
        array: '1-4',
      },
    })
    await open(alice, 'compute/runs')
    await alice.getByText('3 of 4 done, 1 failed').waitFor(patient)
    await alice.getByRole('link', { name: 'many' }).click()
    await alice.getByRole('radio', { name: '3: Failed, exit status 1' }).check({ force: true, ...patient })
    await alice.getByRole('log', { name: 'Log of number 3' }).getByText('number 3').waitFor(patient)
  })
})

describe('a schedule', () => {
  test('is made by the form, runs by the clock and now, and is switched off', async () => {
    await open(alice, 'compute/schedules')
    await alice.getByRole('link', { name: 'New schedule' }).first().click()
    await alice.getByLabel('Name').fill('Tick')
    await alice.getByRole('radio', { name: 'A command' }).check()
    await alice.getByLabel('Command', { exact: true }).fill('sh -c "echo by the clock"')
    await alice.getByLabel('Line of cron').fill('* * * * *')
    await seeText(alice, 'Every minute')
    await alice.getByRole('button', { name: 'Make the schedule' }).click()
    await alice.getByRole('heading', { level: 1, name: 'Tick' }).waitFor()
    const history = alice.getByRole('region', { name: 'History' })
    await seeText(alice, 'It did not run yet')
    await history.getByText('Done').waitFor(patient)
    await alice.getByRole('button', { name: 'Run now' }).click()
    await history.getByText('Done').nth(1).waitFor(patient)
    await history.getByRole('link', { name: /^Run / }).first().click()
    await alice.getByRole('log', { name: 'Log' }).getByText('by the clock').waitFor(patient)
    await alice.getByRole('link', { name: /^Schedule / }).click()
    await alice.getByRole('switch', { name: 'Run Tick at its times' }).press('Space')
    await seeText(alice, 'It is switched off')
  })

  test('of a notebook links each result into JupyterLab, and shows which run failed', async () => {
    await open(alice, 'compute/schedules/new')
    await alice.getByLabel('Name').fill('Report')
    await alice.getByLabel('Notebook', { exact: true }).fill('report.ipynb')
    await alice.getByLabel(/^Parameters/).fill('days = 7')
    await alice.getByRole('button', { name: 'Make the schedule' }).click()
    await alice.getByRole('heading', { level: 1, name: 'Report' }).waitFor()
    await alice.getByRole('button', { name: 'Run now' }).click()
    const history = alice.getByRole('region', { name: 'History' })
    await history.getByText('Failed').waitFor(patient)
    await writeFile(join(platform.data, 'homes', 'alice', 'report.ipynb'), buildNotebook('print(days * 6)'))
    await alice.getByRole('button', { name: 'Run now' }).click()
    await history.getByText('Done').waitFor(patient)
    const result = history.getByRole('link', { name: /\.ipynb in JupyterLab, in a new tab$/ }).first()
    const path = (await result.getAttribute('href')) ?? ''
    assert.match(path, /^\/user\/alice\/lab\/tree\/runs\/Report\/.*\.ipynb$/)
    const file = decodeURIComponent(path.replace('/user/alice/lab/tree/', ''))
    const written = await readFile(join(platform.data, 'homes', 'alice', file), 'utf8')
    assert.match(written, /"42\\n"/)
  })
})
