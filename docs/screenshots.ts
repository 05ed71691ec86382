/**
 * `npm run screenshots`: takes the pictures of the documentation from the running product into `docs/images/`. Starts a platform of its own,
 * with real servers, and ends it.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { chromium, type Page } from 'playwright-core'

import { chromiumArguments, findChromium } from '../test/support/chromium.ts'
import { openCluster, startDaskUser } from '../test/support/dask.ts'
import { type Platform, startPlatform } from '../test/support/platform.ts'
import { ensureTestEnvironment } from '../test/support/python-environment.ts'
import { findServerModel, requestServer } from '../test/support/servers.ts'

const images = join(import.meta.dirname, 'images')

const config = JSON.stringify({
  // A warm start is over before there is a picture of it.
  servers: { warmStart: false },
  profiles: [
    {
      name: 'small',
      title: 'Small',
      description: 'Notes, lessons, light analysis.',
      cpu: 1,
      memory: '2G',
      default: true,
    },
    {
      name: 'large',
      title: 'Large',
      description: 'Data that needs memory.',
      cpu: 2,
      memory: '8G',
      timeLimit: '12h',
    },
  ],
  groups: {
    astronomy: { users: ['chiara', 'dmitri', 'noor'] },
    teaching: { users: ['lena', 'tomas'] },
  },
  quotas: { user: { servers: 3, cpu: 16, memory: '48G' } },
  dask: { worker: { cores: 1, memory: '1G' }, maximum: { workers: 8 } },
  cost: { currency: 'EUR', coreHour: 0.02, gibHour: 0.004 },
})

/** Cold starts on a busy machine. */
const deadlineMs = 120_000

const people = ['amara', 'chiara', 'dmitri', 'lena', 'noor', 'tomas']

const executablePath = findChromium()
if (executablePath === undefined) throw new Error('Chromium is not installed here.')
await mkdir(images, { recursive: true })
const prefix = await ensureTestEnvironment()
const platform = await startPlatform({ config, prefix })
const browser = await chromium.launch({ executablePath, args: [...chromiumArguments] })
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1.5 })
  await takePictures(platform, await context.newPage())
} finally {
  await browser.close()
  await platform.dispose()
}

async function takePictures(platform: Platform, page: Page): Promise<void> {
  for (const name of people) await platform.api('POST', `/hub/api/users/${name}`)
  for (const name of ['chiara', 'noor']) await requestServer(platform, name)
  for (const name of ['chiara', 'noor']) {
    await waitFor(`${name}'s server`, async () => (await findServerModel(platform, name))?.ready, {
      deadlineMs,
    })
  }
  await makeFirstAdministrator(platform, page)
  await page.getByRole('button', { name: 'Start' }).click()
  await page.getByRole('button', { name: 'Stay here' }).click()
  await page.getByRole('list', { name: 'What happened so far' }).waitFor()
  await holdAtLog(page, 'successfully linked')
  await showDefaultPaths(page, platform)
  await take(page, 'start')
  await page.context().setOffline(false)
  await page.getByRole('link', { name: 'Open' }).waitFor({ timeout: deadlineMs })
  await waitFor('the use of memory to be known', () => readMemoryBytes(page), { deadlineMs })
  await take(page, 'home')
  await takeComputePictures(platform, page)
  for (const [name, heading] of [
    ['admin', 'Users'],
    ['admin/jobs', 'Jobs'],
  ] as const) {
    await page.goto(`${platform.url}/hub/${name}`)
    await page.getByRole('heading', { name: heading, exact: true }).waitFor()
    await page.getByRole('table').waitFor()
    await take(page, name.replace('/', '-'))
  }
}

/** A cluster that computes, and an array of which some jobs are done and one has failed. */
async function takeComputePictures(platform: Platform, page: Page): Promise<void> {
  const user = await startDaskUser(platform, 'alice')
  const name = await openCluster(user, 4)
  await user.run('futures = client.map(lambda x: time.sleep(1) or x, range(200), pure=False)')
  await page.goto(`${platform.url}/hub/compute/clusters/${name}`)
  await page.getByRole('table', { name: 'Workers' }).getByText('MB').nth(3).waitFor({ timeout: deadlineMs })
  await showDefaultFacts(page, platform)
  await take(page, 'cluster')
  await user.run('cluster.close()')
  const work = 'test $ATRIUM_ARRAY_INDEX != 23 || exit 1; test $ATRIUM_ARRAY_INDEX -lt 31 || sleep 600'
  const { body } = await platform.api<{ id: number }>('POST', '/api/v1/runs', {
    token: user.token,
    body: { command: ['sh', '-c', work], name: 'sweep', array: '1-60', cpu: 0.1, memoryBytes: 2 ** 26 },
  })
  user.close()
  await page.goto(`${platform.url}/hub/compute/runs/${body.id}`)
  await page.getByRole('radio', { name: /^31: Running/ }).waitFor({ state: 'attached', timeout: deadlineMs })
  await showDefaultFacts(page, platform)
  await take(page, 'run')
  await platform.api('DELETE', `/api/v1/runs/${body.id}`, { token: user.token })
}

async function makeFirstAdministrator(platform: Platform, page: Page): Promise<void> {
  await page.goto(platform.ready.signInLink ?? '')
  await page.getByLabel('Username').fill('alice')
  await page.getByLabel('Password').fill('a few random words')
  await page.getByRole('button', { name: 'Make the account' }).click()
  await page.getByRole('heading', { name: 'Home', exact: true }).waitFor()
}

/** Stops the page as it is once the log says this: on a quick machine the start is over before a picture is taken. */
async function holdAtLog(page: Page, text: string): Promise<void> {
  await page.waitForFunction(
    (text) => document.querySelector('[role=log]')?.textContent.includes(text),
    text,
    { polling: 'raf', timeout: deadlineMs },
  )
  await page.context().setOffline(true)
}

/** The log with the paths of a default installation instead of those of the tests. */
async function showDefaultPaths(page: Page, { data }: Platform): Promise<void> {
  await page.getByRole('log').evaluate(
    (log, [environment, folder]) => {
      const text = log.textContent ?? ''
      log.textContent = text
        .replaceAll(environment, '/var/lib/atrium/environments/default')
        .replaceAll(folder, '/var/lib/atrium')
      log.scrollTop = log.scrollHeight
    },
    [prefix, data] as const,
  )
}

/** The same for paths among the facts of a page. */
async function showDefaultFacts(page: Page, { data }: Platform): Promise<void> {
  await page.locator('dd code').evaluateAll(
    (elements, [environment, folder]) => {
      for (const element of elements) {
        element.textContent = (element.textContent ?? '')
          .replace(environment, '/var/lib/atrium/environments/default')
          .replace(folder, '/var/lib/atrium')
      }
    },
    [prefix, data] as const,
  )
}

/** What the server uses, once that is more than an interpreter before its first import. */
async function readMemoryBytes(page: Page): Promise<number | undefined> {
  const bytes = Number(await page.getByRole('meter', { name: 'Memory' }).getAttribute('aria-valuenow'))
  return bytes > 30e6 ? bytes : undefined
}

async function take(page: Page, name: string): Promise<void> {
  await page.evaluate(() => document.fonts.ready)
  await page.screenshot({ path: join(images, `${name}.png`), animations: 'disabled' })
  console.log(`docs/images/${name}.png`)
}
