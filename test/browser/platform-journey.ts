import type { BrowserContext, Page } from 'playwright-core'

import type { Platform } from '../support/platform.ts'

export const password = 'a few random words'

/** Signs in at the sign-in page. */
export async function signIn(page: Page, platform: Platform, name: string): Promise<void> {
  await page.goto(`${platform.url}/hub/login`)
  await page.getByLabel('Username').fill(name)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Home', exact: true }).waitFor()
}

/** A user with a password, made by the administrator's token. */
export async function createUser(platform: Platform, context: BrowserContext, name: string): Promise<Page> {
  await platform.api('POST', `/hub/api/users/${name}`)
  const { body } = await platform.api<{ url: string }>('POST', `/api/v1/users/${name}/links`, {
    body: { purpose: 'set-password' },
  })
  const page = await context.newPage()
  await page.goto(body.url)
  await setPassword(page)
  return page
}

/** On the page of a link that asks for a password. */
export async function setPassword(page: Page): Promise<void> {
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Set the password' }).click()
  await page.getByRole('heading', { name: 'Home', exact: true }).waitFor()
}

/** JupyterLab with a new notebook and its kernel, as a person makes one. */
export async function openNotebook(page: Page): Promise<void> {
  await page.locator('.jp-LauncherCard[data-category="Notebook"]').first().click()
  await page.locator('.jp-Notebook .jp-Cell').first().waitFor()
  // The status bar: the notebook's own sign says idle before there is a kernel.
  await page.getByText(/Python 3 .*\| Idle/).waitFor()
}

/** Writes code into the last cell and runs it. */
export async function runCell(page: Page, code: string): Promise<void> {
  await page.locator('.jp-Notebook .jp-Cell .cm-content').last().click()
  await page.keyboard.insertText(code)
  await page.keyboard.press('Shift+Enter')
}

/** All text that cells have printed. */
export function readOutput(page: Page): Promise<string> {
  return page
    .locator('.jp-OutputArea-output')
    .allInnerTexts()
    .then((texts) => texts.join('\n'))
}
