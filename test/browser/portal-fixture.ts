import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'

import { type MockServer, startMockServer } from '@atrium/web/mock-api/mock-server.ts'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

import { chromiumArguments, findChromium } from '../support/chromium.ts'

export const portalFolder = join(import.meta.dirname, '..', '..', 'web', 'dist')

/** The longest that anything on a page may take before a test gives up. */
const deadlineMs = 15_000

/** The built portal in a real browser, with the mock API behind it. */
export interface Portal {
  /** Opens a page in a browser of its own, on a platform of its own. `user`: who is signed in; absent: nobody. */
  open(path: string, options?: OpenOptions): Promise<OpenPage>
}

export interface OpenOptions {
  user?: string
  width?: number
  colorScheme?: 'light' | 'dark'
}

export interface OpenPage {
  page: Page
  server: MockServer
}

const hosts = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } }

/** For the tests of one file: one browser, closed at the end with all that was opened. */
export function usePortal(): Portal {
  const chromiumUse = useChromium()
  const servers: MockServer[] = []
  before(() => {
    if (!existsSync(join(portalFolder, 'index.html'))) {
      throw new Error('The portal is not built: npm run build -w web')
    }
  })
  after(async () => {
    await Promise.all(servers.map((server) => server.close()))
  })
  return {
    async open(path, { user, width = hosts.wide.width, colorScheme = 'light' } = {}) {
      const server = await startMockServer(portalFolder)
      servers.push(server)
      const viewport = width < 600 ? hosts.narrow : hosts.wide
      const page = await chromiumUse.newPage({ viewport, colorScheme })
      if (user) await page.context().addCookies([{ name: 'mock-user', value: user, url: server.url }])
      await page.goto(server.url + path)
      return { page, server }
    },
  }
}

/** One Chromium for the tests of a file. */
export function useChromium(): { newPage(options?: BrowserContextOptions): Promise<Page> } {
  let browser: Browser | undefined
  after(async () => {
    await browser?.close()
  })
  return {
    async newPage(options = {}) {
      browser ??= await launch()
      const context = await browser.newContext(options)
      context.setDefaultTimeout(deadlineMs)
      return context.newPage()
    },
  }
}

function launch(): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error('Chromium is not installed here.')
  return chromium.launch({ executablePath, args: [...chromiumArguments] })
}

/** Resolves when the text stands on the page, in whatever element. */
export async function seeText(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).first().waitFor()
}

/** Resolves when nothing on the page says this any more. */
export async function seeNoText(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).first().waitFor({ state: 'hidden' })
}
