import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { Page } from 'playwright-core'

import { seeNoText, seeText, usePortal } from './portal-fixture.ts'

const cardOf = (page: Page, server: string) => page.getByRole('region', { name: new RegExp(`^${server} `) })

describe('home', () => {
  const portal = usePortal()

  test('a start shows progress and log at once, and leads into the server', async () => {
    const { page } = await portal.open('/hub/home', { user: 'alice' })
    await page.getByRole('radio', { name: 'Small' }).check()
    await page.getByRole('button', { name: 'Start' }).click()
    await page.getByRole('progressbar', { name: 'Progress of the start' }).waitFor()
    await page.getByRole('log').getByText('Extension package jupyterlab').waitFor()
    await page.waitForURL('**/user/alice/')
  })

  test('who stays on the page finds the server running there', async () => {
    const { page } = await portal.open('/hub/home', { user: 'alice' })
    await page.getByRole('button', { name: 'Start' }).click()
    await page.getByRole('button', { name: 'Stay here' }).click()
    await page.getByRole('link', { name: 'Open' }).waitFor()
    assert.equal(new URL(page.url()).pathname, '/hub/home')
  })

  test('a start that fails shows why, the exit status and the last lines', async () => {
    const { page } = await portal.open('/hub/home', { user: 'alice' })
    await page.getByRole('radio', { name: 'Broken' }).check()
    await page.getByRole('button', { name: 'Start' }).click()
    await seeText(page, 'It did not start')
    await seeText(page, 'Exit status 1.')
    await page.getByRole('log').getByText("No module named 'site_extensions'").waitFor()
    await page.getByRole('button', { name: 'Start' }).waitFor()
  })

  test('a queued start says its place and reason, and can be cancelled', async () => {
    const { page } = await portal.open('/hub/home', { user: 'ada' })
    const card = cardOf(page, 'gpu')
    await card.getByText('Number 1 in line.').waitFor()
    await card.getByText('Group astro uses 2 of 2 GPUs').waitFor()
    await card.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the start' }).click()
    await card.getByText('Stopped').waitFor()
  })

  test('shows how full the home is, and what to do when it nearly is', async () => {
    const { page } = await portal.open('/hub/home', { user: 'alice' })
    const calm = page.getByRole('region', { name: 'Home folder' })
    await calm.getByRole('meter', { name: 'Used' }).waitFor()
    await calm.getByText('6.2 of 20 GB').waitFor()
    await seeNoText(page, 'little room')
    const ada = await portal.open('/hub/home', { user: 'ada' })
    await seeText(ada.page, 'There is little room left')
    await seeText(ada.page, 'Delete what you do not need, or ask an administrator for more room.')
    const bob = await portal.open('/hub/home', { user: 'bob' })
    await seeText(bob.page, 'nothing more can be saved in it')
  })

  test('a stop asks first', async () => {
    const { page } = await portal.open('/hub/home', { user: 'ada' })
    const card = cardOf(page, 'Default server')
    await card.getByRole('button', { name: 'Stop' }).click()
    const dialog = page.getByRole('dialog', { name: 'Stop Default server?' })
    await dialog.getByText('Files are kept.').waitFor()
    await dialog.getByRole('button', { name: 'Stop' }).click()
    await card.getByText('Stopped').waitFor()
  })

  test('says why a server is still running, and how long it may', async () => {
    const { page } = await portal.open('/hub/home', { user: 'ada' })
    const card = cardOf(page, 'Default server')
    await card.getByText('Why is it still running?').click()
    await card.getByText('A kernel of analysis.ipynb is busy.').waitFor()
    await card.getByText('It stops after 1 h without use.').waitFor()
    await card.getByText('Time left').waitFor()
  })

  test('warns that the time of a server is nearly over', async () => {
    const { page } = await portal.open('/hub/home', { user: 'bob' })
    await cardOf(page, 'Default server').getByText('Its time is over in').waitFor()
  })

  test('says that a server was preempted, how often, and that it comes back by itself', async () => {
    const { page } = await portal.open('/hub/home', { user: 'ada' })
    const card = cardOf(page, 'gpu')
    await card.getByText('A more important job took its place').waitFor()
    await card.getByText('this happened 2 times so far').waitFor()
  })

  test('warns before an idle stop, and keeps the server running on a word', async () => {
    const { page } = await portal.open('/hub/home', { user: 'ada' })
    const card = cardOf(page, 'notes')
    await card.getByText('Nobody uses this server').waitFor()
    await card.getByRole('button', { name: 'Keep it running' }).click()
    await seeNoText(page, 'Nobody uses this server')
    await page.getByRole('region', { name: 'Messages' }).getByText('It keeps running.').waitFor()
  })

  test('a named server is named, started and deleted', async () => {
    const { page } = await portal.open('/hub/home', { user: 'alice' })
    await page.getByRole('button', { name: 'New named server' }).click()
    await page.getByLabel('Name', { exact: true }).fill('lab')
    await page.getByRole('dialog').getByRole('button', { name: 'Start' }).click()
    const card = cardOf(page, 'lab')
    await card.getByRole('progressbar', { name: 'Progress of the start' }).waitFor()
    assert.equal(await page.getByRole('dialog').count(), 0)
    await page.waitForURL('**/user/alice/lab/')
    await page.goBack()
    await card.getByText('Running', { exact: true }).waitFor()
    await card.getByRole('button', { name: 'Stop' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click()
    await card.getByText('Stopped').waitFor()
    await card.getByRole('button', { name: 'More for lab' }).click()
    await page.getByRole('menuitem', { name: 'Delete…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await card.waitFor({ state: 'detached' })
  })

  test('where jobs are charged to accounts one is chosen, with its limits', async () => {
    const { page, server } = await portal.open('/hub/home', { user: 'bob' })
    await page.getByRole('button', { name: 'New named server' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('charged')
    assert.equal(await dialog.getByLabel('Account').count(), 0)
    await dialog.getByLabel('Profile').selectOption('large')
    assert.equal(await dialog.getByLabel('Account').inputValue(), 'physics')
    await dialog.getByLabel('Account').selectOption('biology')
    const chosen = dialog.getByLabel('Account').getByRole('option', { name: /biology/ })
    assert.equal(await chosen.textContent(), 'biology · 8 h · 2 jobs at a time · 1 GPU')
    await dialog.getByRole('button', { name: 'Start' }).click()
    await dialog.waitFor({ state: 'detached' })
    const bob = server.api.state.users.find(({ name }) => name === 'bob')
    assert.equal(bob?.servers.find(({ name }) => name === 'charged')?.account, 'biology')
  })

  test('a server is shared with a user by name and with others by a link, and taken back', async () => {
    const { page } = await portal.open('/hub/home', { user: 'ada' })
    await page.getByRole('button', { name: 'More for Default server' }).click()
    await page.getByRole('menuitem', { name: 'Share…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Share Default server' })
    await dialog.getByLabel('Name', { exact: true }).fill('nobody-here')
    await dialog.getByRole('button', { name: 'Share' }).click()
    await dialog.getByRole('alert').getByText('No such user: nobody-here').waitFor()
    await dialog.getByLabel('Name', { exact: true }).fill('bob')
    await dialog.getByRole('button', { name: 'Share' }).click()
    await dialog.getByRole('cell', { name: 'bob', exact: true }).waitFor()
    await dialog.getByRole('button', { name: 'New link for a day' }).click()
    assert.match(await dialog.getByLabel('Copy it now').inputValue(), /\/hub\/accept-share\?code=/)
    await dialog.getByRole('button', { name: 'Take back from bob' }).click()
    await dialog.getByText('Shared with nobody').waitFor()
  })

  test('says that the platform does not answer, and goes on by itself when it does', async () => {
    const { page, server } = await portal.open('/hub/home', { user: 'ada' })
    await cardOf(page, 'notes').waitFor()
    server.api.state.isDown = true
    await seeText(page, 'The platform does not answer')
    server.api.state.isDown = false
    await seeNoText(page, 'The platform does not answer')
  })
})

describe('spawn links', () => {
  const portal = usePortal()

  test('with a profile start at once and lead to `next`', async () => {
    const next = encodeURIComponent('/user/alice/git-pull?repo=x')
    const { page } = await portal.open(`/hub/spawn/alice?profile=large&next=${next}`, { user: 'alice' })
    await page.getByRole('heading', { name: 'Starting Default server' }).waitFor()
    await page.waitForURL('**/user/alice/git-pull?repo=x')
  })

  test('without one ask which, and an unknown one is named', async () => {
    const { page } = await portal.open('/hub/spawn?profile=enormous', { user: 'alice' })
    await seeText(page, 'There is no profile “enormous” that you may use.')
    await page.getByRole('radio', { name: 'Small' }).waitFor()
    await page.getByRole('button', { name: 'Start' }).click()
    await page.waitForURL('**/user/alice/')
  })

  test('never lead to another site', async () => {
    const next = encodeURIComponent('https://elsewhere.example/')
    const { page } = await portal.open(`/hub/spawn-pending/bob?next=${next}`, { user: 'bob' })
    await page.waitForURL('**/user/bob/')
  })
})
