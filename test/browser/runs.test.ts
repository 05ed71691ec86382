import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { seeText, usePortal } from './portal-fixture.ts'

describe('runs', () => {
  const portal = usePortal()

  test('who ran nothing yet sees how it is done', async () => {
    const { page } = await portal.open('/hub/compute/runs', { user: 'alice' })
    await seeText(page, 'You ran nothing yet')
    await seeText(page, 'atrium run -n 8 -- python solver.py')
  })

  test('a person sees the own ones with state, reason, exit status and result', async () => {
    const { page } = await portal.open('/hub/compute/runs', { user: 'ada' })
    const rows = page.getByRole('table', { name: 'Runs' }).getByRole('row')
    await rows.nth(1).getByText('Group astro uses 2 of 2 GPUs.').waitFor()
    await rows.nth(2).getByText('16 tasks on 2 nodes').waitFor()
    await rows.nth(3).getByText('50 of 100 done, 2 failed').waitFor()
    await rows.nth(4).getByText('SIGSEGV', { exact: true }).waitFor()
    const result = rows
      .nth(5)
      .getByRole('link', { name: '2026-11-26T0600.ipynb in JupyterLab, in a new tab' })
    assert.equal(
      await result.getAttribute('href'),
      '/user/ada/lab/tree/runs/daily-report/2026-11-26T0600.ipynb',
    )
    await page.getByRole('combobox', { name: 'State' }).selectOption('Not ended')
    await rows.nth(4).waitFor({ state: 'detached' })
    assert.equal(await rows.count(), 4)
  })

  test('a run’s log comes as it is written; it is cancelled after a question, and run again', async () => {
    const { page } = await portal.open('/hub/compute/runs/47', { user: 'ada' })
    await page.getByRole('log', { name: 'Log' }).getByText('step 3 of solver.py').waitFor()
    await seeText(page, 'python solver.py --steps 4000')
    await page.getByRole('button', { name: 'Cancel the run' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click()
    await seeText(page, 'Cancelled by ada.')
    await page.getByRole('button', { name: 'Run again' }).click()
    await page.waitForURL('**/compute/runs/1000')
    await page.getByRole('heading', { level: 1 }).getByText('Running').waitFor()
  })

  test('jobs of an array stand in a grid; arrow keys choose, and the chosen one shows its end and log', async () => {
    const { page } = await portal.open('/hub/compute/runs/46', { user: 'ada' })
    const grid = page.getByRole('group', { name: 'Jobs of the array' })
    await grid.getByRole('radio', { name: '18: Failed, exit status 1' }).check({ force: true })
    await seeText(page, 'It exited with status 1, three times.')
    await page
      .getByRole('log', { name: 'Log of number 18' })
      .getByText('step 3 of one.py [18] try 3')
      .waitFor()
    await page.getByLabel('Try').selectOption('Try 1')
    await page.getByRole('log').getByText('step 3 of one.py [18] try 1').waitFor()
    await grid.getByRole('radio', { name: /^18:/ }).press('ArrowRight')
    await page.getByRole('log', { name: 'Log of number 19' }).waitFor()
    await page.getByRole('combobox', { name: 'State' }).selectOption('Failed (2)')
    await grid.getByRole('radio', { name: /^17:/ }).waitFor({ state: 'detached' })
    assert.equal(await grid.getByRole('radio').count(), 2)
  })

  test('a long array is read page by page', async () => {
    const { page } = await portal.open('/hub/compute/runs/41', { user: 'ada' })
    const grid = page.getByRole('group', { name: 'Jobs of the array' })
    await grid.getByRole('radio', { name: /^500:/ }).waitFor({ state: 'attached' })
    await page.getByRole('button', { name: 'Next' }).click()
    await grid.getByRole('radio', { name: /^501:/ }).waitFor({ state: 'attached' })
    await page.getByRole('button', { name: 'Next' }).click()
    await grid.getByRole('radio', { name: /^1200:/ }).waitFor({ state: 'attached' })
    assert.ok(await page.getByRole('button', { name: 'Next' }).isDisabled())
    await page.getByRole('button', { name: 'Previous' }).click()
    await grid.getByRole('radio', { name: /^501:/ }).waitFor({ state: 'attached' })
  })

  test('an administrator sees everybody’s; names of others stay text, and only owners run again', async () => {
    const { page } = await portal.open('/hub/admin/jobs/runs?user=carla.berg', { user: 'ada' })
    const link = page.getByRole('table').getByRole('row').nth(1).getByRole('link').first()
    await link.click()
    await seeText(page, 'Belongs to carla.berg.')
    assert.equal(await page.locator('main img').count(), 0)
    assert.doesNotMatch(await page.title(), /^owned/)
    assert.equal(await page.getByRole('button', { name: 'Run again' }).count(), 0)
    assert.equal(await page.getByRole('link', { name: /in JupyterLab/ }).count(), 0)
  })
})
