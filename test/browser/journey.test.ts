import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { Page } from 'playwright-core'

import { type Platform, startPlatform } from '../support/platform.ts'
import { openNotebook, password, readOutput, runCell, setPassword, signIn } from './platform-journey.ts'
import { useChromium } from './portal-fixture.ts'

const labDeadlineMs = 60_000
const chromium = useChromium()
let platform: Platform

before(async () => {
  platform = await startPlatform()
})

after(async () => {
  await platform.dispose()
})

test('from the first link to a cell, over a restart of the control plane, and out again', async (t) => {
  const adas = await chromium.newPage()
  const alices = await chromium.newPage()
  let link = ''

  await t.test('the one-time link of the first start makes an administrator', async () => {
    await adas.goto(platform.ready.signInLink ?? '')
    await adas.getByLabel('Username').fill('ada')
    await adas.getByLabel('Password').fill(password)
    await adas.getByRole('button', { name: 'Make the account' }).click()
    await adas.getByRole('heading', { name: 'Home', exact: true }).waitFor()
  })

  await t.test('the link works once', async () => {
    const stranger = await chromium.newPage()
    await stranger.goto(platform.ready.signInLink ?? '')
    await stranger.getByRole('heading', { name: 'This link does not work' }).waitFor()
    await stranger.context().close()
  })

  await t.test('she creates alice and gets a link for her', async () => {
    await adas.getByRole('link', { name: 'Users' }).click()
    await adas.getByRole('button', { name: 'Add users' }).click()
    await adas.getByLabel('Usernames').fill('alice')
    await adas.getByRole('button', { name: 'Add', exact: true }).click()
    await adas.getByRole('button', { name: 'Actions for alice' }).click()
    await adas.getByRole('menuitem', { name: 'One-time link…' }).click()
    await adas.getByRole('button', { name: 'Make the link' }).click()
    link = await adas.getByLabel('Send this link').inputValue()
  })

  await t.test('alice sets a password, signs out and signs in with it', async () => {
    await alices.goto(link)
    await setPassword(alices)
    await alices.getByRole('button', { name: 'alice' }).click()
    await alices.getByRole('menuitem', { name: 'Sign out' }).click()
    await alices.getByRole('heading', { name: 'Sign in' }).waitFor()
    await signIn(alices, platform, 'alice')
  })

  await t.test('she starts her server, which opens JupyterLab by itself', async () => {
    await alices.getByRole('button', { name: 'Start' }).click()
    await alices.waitForURL('**/user/alice/lab**', { timeout: labDeadlineMs })
  })

  await t.test('she runs a cell and sees its output', async () => {
    await openNotebook(alices)
    await runCell(alices, 'print("sum", 40 + 2)')
    await alices.locator('.jp-OutputArea-output', { hasText: 'sum 42' }).waitFor()
  })

  await t.test(
    'her kernel goes on counting while the control plane restarts, on the same websocket',
    async () => {
      const closed = await countOverRestart(alices)
      assert.deepEqual(closed, [])
    },
  )

  await t.test('she stops her server and signs out', async () => {
    await alices.goto(`${platform.url}/hub/home`)
    await alices.getByRole('button', { name: 'Stop' }).click()
    await alices.getByRole('dialog').getByRole('button', { name: 'Stop' }).click()
    await alices.getByRole('button', { name: 'Start' }).waitFor({ timeout: labDeadlineMs })
    await alices.getByRole('button', { name: 'alice' }).click()
    await alices.getByRole('menuitem', { name: 'Sign out' }).click()
    await alices.getByRole('heading', { name: 'Sign in' }).waitFor()
    await alices.goto(`${platform.url}/user/alice/lab`)
    await alices.getByRole('heading', { name: 'Sign in' }).waitFor()
  })
})

/** Answers the kernel websockets that were closed meanwhile. */
async function countOverRestart(page: Page): Promise<string[]> {
  const closed: string[] = []
  const sockets: string[] = []
  page.on('websocket', (socket) => {
    sockets.push(socket.url())
    socket.on('close', () => closed.push(socket.url()))
  })
  await page.reload()
  await page.locator('.jp-Notebook .jp-Cell').first().waitFor()
  await waitFor('the kernel to be connected', () => sockets.some((url) => url.includes('/channels')))
  closed.length = 0
  await runCell(
    page,
    'import time\nfor n in range(10000):\n    print("n", n, flush=True)\n    time.sleep(0.05)',
  )
  const count = async () => Number(/n (\d+)\s*$/.exec(await readOutput(page))?.[1] ?? -1)
  await waitFor('the kernel to count', async () => (await count()) > 3)
  await platform.kill('SIGKILL')
  const without = await count()
  await waitFor('counting without a control plane', async () => (await count()) > without)
  await platform.startAgain()
  const again = await count()
  await waitFor('counting after the restart', async () => (await count()) > again + 5)
  return closed.filter((url) => url.includes('/channels'))
}
