import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { seeText, usePortal } from './portal-fixture.ts'

describe('tokens', () => {
  const portal = usePortal()

  test('a new token is shown once and then only known by its note', async () => {
    const { page } = await portal.open('/hub/token', { user: 'alice' })
    await seeText(page, 'No tokens')
    await page.getByRole('button', { name: 'New token' }).first().click()
    await page.getByLabel('Note').fill('backup script')
    await page.getByRole('button', { name: 'Make the token' }).click()
    assert.match(await page.getByLabel('backup script', { exact: true }).inputValue(), /^mock-/)
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('cell', { name: 'backup script', exact: true }).waitFor()
    assert.equal(await page.getByLabel('backup script', { exact: true }).count(), 0)
  })

  test('a token can be limited to chosen and written scopes', async () => {
    const { page, server } = await portal.open('/hub/token', { user: 'alice' })
    await page.getByRole('button', { name: 'New token' }).first().click()
    await page.getByLabel('Note').fill('limited')
    await page.getByLabel('Expires after').selectOption('A day')
    await page.getByLabel('Limit what it may do').check()
    await page.getByRole('button', { name: 'Make the token' }).click()
    await page.getByRole('alert').getByText('Choose at least one permission.').waitFor()
    await page.getByLabel('Read your account').check()
    await page.getByLabel('Other scopes').fill('nonsense')
    await page.getByRole('button', { name: 'Make the token' }).click()
    await page.getByRole('alert').getByText('Scope does not exist: nonsense').waitFor()
    await page.getByLabel('Other scopes').fill('read:servers!server=alice/lab')
    await page.getByRole('button', { name: 'Make the token' }).click()
    await seeText(page, 'Your new token')
    const token = server.api.state.tokens.find(({ note }) => note === 'limited')
    assert.deepEqual(token?.scopes, ['read:users!user', 'read:servers!server=alice/lab'])
    assert.ok(token.expires_at)
  })

  test('a token and an application lose access when they are revoked', async () => {
    const { page } = await portal.open('/hub/token', { user: 'ada' })
    await page.getByRole('button', { name: 'Revoke nightly report' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await page.getByRole('cell', { name: 'nightly report', exact: true }).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Revoke grafana' }).click()
    await page.getByRole('cell', { name: 'grafana', exact: true }).waitFor({ state: 'detached' })
  })
})

describe('account', () => {
  const portal = usePortal()

  test('the password is changed only when both new ones are the same and the old one is right', async () => {
    const { page } = await portal.open('/hub/account', { user: 'alice' })
    const change = page.getByRole('button', { name: 'Change the password' })
    await page.getByLabel('Current password').fill('wrong')
    await page.getByLabel('New password', { exact: true }).fill('a few random words')
    await page.getByLabel('New password again').fill('something else')
    await change.click()
    await seeText(page, 'The two new passwords differ.')
    await page.getByLabel('New password again').fill('a few random words')
    await change.click()
    await page.getByRole('alert').getByText('The current password is wrong.').waitFor()
    await page.getByLabel('Current password').fill('right')
    await change.click()
    await seeText(page, 'Your password is changed.')
    assert.equal(await page.getByLabel('New password', { exact: true }).inputValue(), '')
  })

  test('another browser can be signed out', async () => {
    const { page } = await portal.open('/hub/account', { user: 'alice' })
    await page.getByRole('button', { name: 'Sign out Safari on iOS' }).click()
    await page.getByRole('cell', { name: 'Safari on iOS', exact: true }).waitFor({ state: 'detached' })
  })

  test('the chosen theme outlives a reload', async () => {
    const { page } = await portal.open('/hub/account', { user: 'alice', colorScheme: 'light' })
    const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
    const light = await background()
    await page.getByRole('radio', { name: 'Dark' }).check()
    const dark = await background()
    assert.notEqual(dark, light)
    await page.reload()
    await page.getByRole('radio', { name: 'Dark' }).waitFor()
    assert.equal(await background(), dark)
  })
})

describe('activity and questions of others', () => {
  const portal = usePortal()

  test('activity shows use, jobs with their reasons, and what was recorded', async () => {
    const { page } = await portal.open('/hub/activity', { user: 'ada' })
    await page.getByRole('meter', { name: 'Servers' }).waitFor()
    await page.getByRole('table', { name: 'Jobs' }).getByText('Waiting for quota').waitFor()
    await page.getByRole('table', { name: 'Recorded actions' }).getByText('session.start').first().waitFor()
    const rows = page.getByRole('table', { name: 'Jobs' }).getByRole('row')
    const before = await rows.count()
    await page.getByRole('region', { name: 'Jobs' }).getByRole('button', { name: 'Show more' }).click()
    await rows.nth(before).waitFor()
  })

  test('consent names the application, where it lives and what it asks for, and posts the answer', async () => {
    const { page } = await portal.open('/hub/api/oauth2/authorize?client_id=service-grafana', {
      user: 'alice',
    })
    await page.getByRole('heading', { name: 'Allow Grafana?' }).waitFor()
    await seeText(page, 'grafana.example.org')
    const posted = page.waitForRequest((request) => request.method() === 'POST')
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    const body = new URLSearchParams((await posted).postData() ?? '')
    assert.deepEqual(body.getAll('scopes'), ['access:services!service=grafana', 'read:users:groups!user'])
    assert.equal(body.get('_xsrf'), 'mock-xsrf')
  })

  test('errors say what to do next', async () => {
    const { page } = await portal.open('/hub/error?status=424', { user: 'alice' })
    await page.getByRole('heading', { name: 'This server is not running' }).waitFor()
    assert.equal(await page.getByRole('link', { name: 'Start it' }).getAttribute('href'), '/hub/spawn')
    await page.goto(new URL('/hub/nowhere', page.url()).href)
    await page.getByRole('heading', { name: 'There is nothing here' }).waitFor()
    await page.getByRole('link', { name: 'Go home' }).waitFor()
  })
})
