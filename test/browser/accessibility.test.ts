import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'

import type { Page } from 'playwright-core'

import { type OpenOptions, usePortal } from './portal-fixture.ts'

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** Every page, with who sees it and something that shows it is there. */
const pages: readonly [path: string, sign: string, user?: string][] = [
  ['/hub/login', 'Sign in'],
  ['/hub/first-visit#token=first-visit', 'Welcome, ada'],
  ['/hub/invitation#token=invitation', 'You are invited'],
  ['/hub/set-password#token=set-password', 'Set a password'],
  ['/hub/invitation#token=used', 'This link does not work'],
  ['/hub/home', 'Nobody uses this server', 'ada'],
  ['/hub/home', 'Profile', 'alice'],
  ['/hub/spawn', 'Choose what it gets', 'alice'],
  ['/hub/spawn-pending/ada/gpu', 'Number 1 in line', 'ada'],
  ['/hub/token', 'nightly report', 'ada'],
  ['/hub/token', 'No tokens', 'alice'],
  ['/hub/activity', 'session.start', 'ada'],
  ['/hub/account', 'Safari on iOS', 'ada'],
  ['/hub/api/oauth2/authorize?client_id=x', 'Allow Grafana?', 'alice'],
  ['/hub/accept-share?code=x', 'bob shares', 'alice'],
  ['/hub/error?status=403', 'This is not yours to open', 'alice'],
  ['/hub/nowhere', 'There is nothing here', 'alice'],
  ['/hub/admin', 'ben.berg', 'ada'],
  ['/hub/admin/users/ada', 'nightly report', 'ada'],
  ['/hub/admin/groups', 'students-2026', 'ada'],
  ['/hub/admin/groups/astro', 'ben.berg', 'ada'],
  ['/hub/admin/roles', 'gpu-users', 'ada'],
  ['/hub/admin/roles/admin', 'What it allows', 'ada'],
  ['/hub/admin/jobs', 'Server notes', 'ada'],
  ['/hub/admin/jobs/srv-0006-10nu', 'line 3 of', 'ada'],
  ['/hub/admin/queue', 'Server gpu', 'ada'],
  ['/hub/admin/quotas', 'astro', 'ada'],
  ['/hub/admin/nodes', 'node-2', 'ada'],
  ['/hub/admin/services', 'culler', 'ada'],
  ['/hub/admin/audit', 'session.start', 'ada'],
  ['/hub/admin/platform', 'Limits are not fully enforced', 'ada'],
]

const looks: readonly Required<Pick<OpenOptions, 'width' | 'colorScheme'>>[] = [
  { width: 1440, colorScheme: 'light' },
  { width: 390, colorScheme: 'dark' },
]

describe('every page', () => {
  const portal = usePortal()

  for (const look of looks) {
    for (const [path, sign, user] of pages) {
      const who = user ?? 'a visitor'
      test(`${path} as ${who}: WCAG AA and no sideways scrolling, ${look.width} px, ${look.colorScheme}`, async () => {
        const { page } = await portal.open(path, { ...look, ...(user && { user }) })
        await page.getByText(sign).first().waitFor()
        assert.deepEqual(await findViolations(page), [])
        const excess = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        assert.equal(excess, 0)
      })
    }
  }

  for (const [name, open] of dialogs()) {
    test(`the dialog ${name}: WCAG AA, in the dark`, async () => {
      const { page } = await portal.open(name.startsWith('/') ? name : '/hub/admin', {
        user: 'ada',
        colorScheme: 'dark',
      })
      await open(page)
      await page.getByRole('dialog').waitFor()
      assert.deepEqual(await findViolations(page), [])
    })
  }
})

function dialogs(): [string, (page: Page) => Promise<void>][] {
  return [
    [
      '/hub/token',
      async (page) => {
        await page.getByRole('button', { name: 'New token' }).click()
        await page.getByLabel('Limit what it may do').check()
      },
    ],
    [
      '/hub/home',
      async (page) => {
        await page.getByRole('button', { name: 'More for Default server' }).click()
        await page.getByRole('menuitem', { name: 'Share…' }).click()
      },
    ],
    [
      'adding to a group',
      async (page) => {
        await page.getByLabel('Select bob').check()
        await page.getByRole('button', { name: 'Add to group…' }).click()
      },
    ],
    ['inviting', (page) => page.getByRole('button', { name: 'Invite' }).click()],
    [
      'deleting',
      async (page) => {
        await page.getByRole('button', { name: 'Actions for bob' }).click()
        await page.getByRole('menuitem', { name: 'Delete…' }).click()
      },
    ],
  ]
}

interface AxeResult {
  violations: { id: string; nodes: { target: string[]; failureSummary?: string }[] }[]
}

/** What axe finds against WCAG 2.2 A and AA, and its own best practices for landmarks and headings. */
async function findViolations(page: Page): Promise<string[]> {
  // What fades in is measured when it is there; what pulses for ever is measured as it is.
  await page.evaluate(() => {
    for (const animation of document.getAnimations()) {
      if (animation.effect?.getComputedTiming().iterations === Number.POSITIVE_INFINITY) animation.cancel()
      else animation.finish()
    }
  })
  await page.addScriptTag({ path: axePath })
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResult> } }).axe.run(),
  )
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')}: ${failureSummary}`),
  )
}
