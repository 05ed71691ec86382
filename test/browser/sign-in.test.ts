import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { seeText, usePortal } from './portal-fixture.ts'

describe('signing in', () => {
  const portal = usePortal()

  test('leads to where the person was going', async () => {
    const { page } = await portal.open('/hub/token')
    await page.getByLabel('Username').fill('alice')
    await page.getByLabel('Password').fill('good')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Tokens', exact: true }).waitFor()
    assert.equal(new URL(page.url()).pathname, '/hub/token')
  })

  test('says that the password is wrong and lets one try again', async () => {
    const { page } = await portal.open('/hub/login')
    await page.getByLabel('Username').fill('alice')
    await page.getByLabel('Password').fill('wrong')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('Invalid username or password').waitFor()
    await page.getByLabel('Password').fill('right')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Home', exact: true }).waitFor()
  })

  test('leads back to the sign-in page when the session has ended', async () => {
    const { page, server } = await portal.open('/hub/home', { user: 'alice' })
    await page.getByRole('heading', { name: 'Home', exact: true }).waitFor()
    server.api.state.users = server.api.state.users.filter(({ name }) => name !== 'alice')
    await page.getByRole('link', { name: 'Tokens' }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    assert.equal(new URL(page.url()).searchParams.get('next'), '/hub/token')
  })

  test('ends with signing out from the menu', async () => {
    const { page } = await portal.open('/hub/home', { user: 'alice' })
    await page.getByRole('button', { name: 'alice' }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  })
})

describe('one-time links', () => {
  const portal = usePortal()

  test('the first visit signs in without a password, and the secret leaves the address bar', async () => {
    const { page } = await portal.open('/hub/first-visit#token=first-visit')
    await page.getByRole('heading', { name: 'Welcome, ada' }).waitFor()
    assert.equal(new URL(page.url()).hash, '')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Home', exact: true }).waitFor()
  })

  test('an invitation makes an account with a name that is free', async () => {
    const { page } = await portal.open('/hub/invitation#token=invitation')
    await seeText(page, 'You will be in astro.')
    await page.getByLabel('Username').fill('bob')
    await page.getByLabel('Password').fill('a few random words')
    await page.getByRole('button', { name: 'Make the account' }).click()
    await page.getByRole('alert').getByText('This name is taken.').waitFor()
    await page.getByLabel('Username').fill('frida')
    await page.getByRole('button', { name: 'Make the account' }).click()
    await page.getByRole('button', { name: 'frida' }).waitFor()
  })

  test('a password that is too short is not sent', async () => {
    const { page } = await portal.open('/hub/set-password#token=set-password')
    await page.getByLabel('Password').fill('short')
    await page.getByRole('button', { name: 'Set the password' }).click()
    const isValid = await page
      .getByLabel('Password')
      .evaluate((field: HTMLInputElement) => field.validity.valid)
    assert.equal(isValid, false)
    await page.getByLabel('Password').fill('long enough')
    await page.getByRole('button', { name: 'Set the password' }).click()
    await page.getByRole('heading', { name: 'Home', exact: true }).waitFor()
  })

  test('a link that was used says so and offers the way in', async () => {
    const { page } = await portal.open('/hub/invitation#token=used')
    await page.getByRole('heading', { name: 'This link does not work' }).waitFor()
    await page.getByRole('link', { name: 'Sign in instead' }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  })
})
