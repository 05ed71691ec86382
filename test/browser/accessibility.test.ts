import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'

import type { Page } from 'playwright-core'

import { usePortal } from './portal-fixture.ts'

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
  ['/hub/compute/clusters', '5 of 8', 'ada'],
  ['/hub/compute/clusters', 'No cluster runs', 'alice'],
  ['/hub/compute/clusters/daa66d1378de0b4a1715a981b54d47b8', 'line 3 of', 'ada'],
  ['/hub/compute/runs', '50 of 100 done', 'ada'],
  ['/hub/compute/runs', 'You ran nothing yet', 'alice'],
  ['/hub/compute/runs/46', '1-100', 'ada'],
  ['/hub/compute/runs/47', 'step 9 of', 'ada'],
  ['/hub/compute/schedules', 'Daily report', 'ada'],
  ['/hub/compute/schedules', 'Nothing runs by the clock', 'alice'],
  ['/hub/compute/schedules/1', 'Cell 4 failed', 'ada'],
  ['/hub/compute/schedules/1/edit', 'At 06:00, Monday to Friday', 'ada'],
  ['/hub/token', 'nightly report', 'ada'],
  ['/hub/token', 'No tokens', 'alice'],
  ['/hub/activity', 'session.start', 'ada'],
  ['/hub/usage', 'By day', 'ada'],
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
  ['/hub/admin/jobs/clusters', '187 of 200', 'ada'],
  ['/hub/admin/jobs/runs', 'carla.berg', 'ada'],
  ['/hub/admin/jobs/schedules', 'carla.berg', 'ada'],
  ['/hub/admin/queue', 'Server gpu', 'ada'],
  ['/hub/admin/quotas', 'astro', 'ada'],
  ['/hub/admin/usage', 'Altogether', 'ada'],
  ['/hub/admin/nodes', 'node-2', 'ada'],
  ['/hub/admin/services', 'culler', 'ada'],
  ['/hub/admin/audit', 'session.start', 'ada'],
  ['/hub/admin/platform', 'Limits are not fully enforced', 'ada'],
]

const widths = { desk: 1440, phone: 390 }

/** 200 % zoom of a desk's window, and what WCAG asks of reflow. */
const reflowWidths = [720, widths.phone, 320]

describe('every page', () => {
  const portal = usePortal()

  for (const [path, sign, user] of pages) {
    test(`${path} as ${user ?? 'a visitor'}: WCAG AA at both widths, light and dark; nothing moves or is out of sight`, async () => {
      const { page } = await portal.open(path, { width: widths.desk, ...(user && { user }) })
      await page.getByText(sign).first().waitFor()
      assert.ok((await readLayoutShift(page)) < 0.02, 'parts of the page moved while it loaded')
      for (const width of Object.values(widths)) {
        await page.setViewportSize({ width, height: 844 })
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme })
          assert.deepEqual(await findViolations(page), [], `${width} px, ${colorScheme}`)
        }
      }
      for (const width of reflowWidths) {
        await page.setViewportSize({ width, height: 844 })
        assert.equal(await readSidewaysScroll(page), 0, `${width} px`)
      }
    })
  }

  test('stands still for who asked for less motion', async () => {
    const { page } = await portal.open('/hub/home', { user: 'ada' })
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await page.getByText('Waiting in line').waitFor()
    await page.waitForFunction(() => document.getAnimations().length === 0)
    await page.emulateMedia({ reducedMotion: 'no-preference' })
    await page.waitForFunction(() => document.getAnimations().length > 0)
  })

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
    [
      '/hub/compute/clusters',
      async (page) => {
        await page.getByRole('button', { name: 'More for daa66d13' }).click()
        await page.getByRole('menuitem', { name: 'Scale…' }).click()
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

/** How much of the page moved by itself since it was opened: the browser's own measure, 0 to 1 (https://wicg.github.io/layout-instability). */
function readLayoutShift(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let sum = 0
        const observer = new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) sum += (entry as PerformanceEntry & { value: number }).value
        })
        observer.observe({ type: 'layout-shift', buffered: true })
        // What happened before is told in a task of its own.
        requestAnimationFrame(() => setTimeout(() => resolve(sum)))
      }),
  )
}

function readSidewaysScroll(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
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
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.addScriptTag({ path: axePath })
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResult> } }).axe.run(),
  )
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')}: ${failureSummary}`),
  )
}
