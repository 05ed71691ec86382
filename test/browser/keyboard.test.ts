import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { Page } from 'playwright-core'

import { usePortal } from './portal-fixture.ts'

const focusedText = (page: Page) => page.evaluate(() => document.activeElement?.textContent?.trim())

describe('with the keyboard alone', () => {
  const portal = usePortal()

  test('the first stop jumps over the navigation', async () => {
    const { page } = await portal.open('/hub/home', { user: 'ada' })
    await page.getByRole('heading', { name: 'Home', exact: true }).waitFor()
    await page.keyboard.press('Tab')
    assert.equal(await focusedText(page), 'Skip to the content')
    await page.keyboard.press('Enter')
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'content')
  })

  test('a navigation moves the focus to the heading of the new page and names the window', async () => {
    const { page } = await portal.open('/hub/home', { user: 'ada' })
    await page.getByRole('link', { name: 'Tokens' }).focus()
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => document.activeElement?.id === 'page-title')
    assert.equal(await focusedText(page), 'Tokens')
    assert.equal(await page.title(), 'Tokens · Atrium')
  })

  test('menus open, move, choose and close as native ones', async () => {
    const { page } = await portal.open('/hub/admin', { user: 'ada' })
    const button = page.getByRole('button', { name: 'Actions for bob' })
    await button.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('menu', { name: 'Actions for bob' }).waitFor()
    assert.equal(await focusedText(page), 'Open server')
    await page.keyboard.press('ArrowUp')
    assert.equal(await focusedText(page), 'Delete…')
    await page.keyboard.press('Home')
    assert.equal(await focusedText(page), 'Open server')
    await page.keyboard.press('Escape')
    await page.getByRole('menu', { name: 'Actions for bob' }).waitFor({ state: 'hidden' })
    assert.ok(await button.evaluate((element) => element === document.activeElement))
  })

  test('dialogs hold the focus, and Escape gives it back', async () => {
    const { page } = await portal.open('/hub/home', { user: 'alice' })
    const button = page.getByRole('button', { name: 'New named server' })
    await button.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    for (let presses = 0; presses < 12; presses += 1) {
      await page.keyboard.press('Tab')
      const isInside = await page.evaluate(
        () => document.activeElement === document.body || !!document.activeElement?.closest('dialog'),
      )
      assert.ok(isInside, 'the focus left the dialog')
    }
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.ok(await button.evaluate((element) => element === document.activeElement))
  })

  test('dialogs begin at their first field, and those that destroy something at the way out', async () => {
    const { page } = await portal.open('/hub/token', { user: 'ada' })
    await page.getByRole('button', { name: 'New token' }).press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.type('by keyboard')
    await page.keyboard.press('Enter')
    await page.getByLabel('by keyboard', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Revoke nightly report' }).press('Enter')
    await page.getByRole('dialog').waitFor()
    assert.equal(await focusedText(page), 'Cancel')
  })

  test('the focus goes to the heading when what had it is gone', async () => {
    const { page } = await portal.open('/hub/token', { user: 'ada' })
    await page.getByRole('button', { name: 'Revoke nightly report' }).press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).press('Enter')
    await page.getByRole('cell', { name: 'nightly report', exact: true }).waitFor({ state: 'detached' })
    await page.waitForFunction(() => document.activeElement?.id === 'page-title')
  })

  test('a profile is chosen with the arrow keys', async () => {
    const { page } = await portal.open('/hub/home', { user: 'alice' })
    await page.getByRole('radio', { name: 'Small' }).focus()
    await page.keyboard.press('ArrowDown')
    assert.ok(await page.getByRole('radio', { name: 'Large' }).isChecked())
  })

  test('the drawer of a narrow window opens and closes', async () => {
    const { page } = await portal.open('/hub/home', { user: 'ada', width: 390 })
    await page.getByRole('button', { name: 'Open navigation' }).click()
    await page.getByRole('dialog', { name: 'Navigation' }).getByRole('link', { name: 'Queue' }).click()
    await page.getByRole('heading', { name: 'Queue' }).waitFor()
    assert.equal(await page.getByRole('dialog').count(), 0)
  })
})
