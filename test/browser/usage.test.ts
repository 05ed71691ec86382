import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { usePortal } from './portal-fixture.ts'

describe('usage', () => {
  const portal = usePortal()

  test('a person sees the own use by day, with its cost, and takes it away as CSV', async () => {
    const { page } = await portal.open('/hub/usage', { user: 'alice' })
    const table = page.getByRole('table', { name: 'Usage by day' })
    await table.getByRole('row').nth(1).waitFor()
    await page.getByRole('region', { name: 'Altogether' }).getByText('Core hours').waitFor()
    assert.match((await table.getByRole('row').nth(1).textContent()) ?? '', /\d EUR/)
    const address = await page.getByRole('link', { name: 'CSV' }).getAttribute('href')
    const query = new URL(address ?? '', page.url()).searchParams
    assert.deepEqual([query.get('user'), query.get('by'), query.get('format')], ['alice', 'day', 'csv'])
    await page.getByLabel('Time').selectOption('Last year')
    await table.getByText(`${new Date().getUTCFullYear() - 1}-12-31`).waitFor()
  })

  test('the head of a group sees what its members used', async () => {
    const { page } = await portal.open('/hub/usage', { user: 'bob' })
    await page.getByRole('table', { name: 'Usage by day' }).waitFor()
    await page.getByLabel('Whose').selectOption('Group astro')
    await page.getByRole('table', { name: 'Usage by user' }).getByText('alice').waitFor()
    const address = await page.getByRole('link', { name: 'CSV' }).getAttribute('href')
    assert.match(address ?? '', /group=astro/)
  })

  test('an administrator sees everybody’s, by what is chosen, sorted by any column; the URL says how', async () => {
    const { page } = await portal.open('/hub/admin/usage', { user: 'ada' })
    const table = page.getByRole('table', { name: 'Usage by user' })
    const first = () => table.getByRole('row').nth(1).textContent()
    await table.waitFor()
    const most = await first()
    await table.getByRole('button', { name: 'Core hours' }).click()
    assert.equal(
      await table.getByRole('columnheader', { name: 'Core hours' }).getAttribute('aria-sort'),
      'ascending',
    )
    assert.notEqual(await first(), most)
    await table.getByRole('button', { name: 'User' }).click()
    assert.match((await first()) ?? '', /^ada/)
    await page.getByLabel('Lines').selectOption('By group')
    await page.getByRole('table', { name: 'Usage by group' }).getByRole('link', { name: 'astro' }).waitFor()
    assert.equal(new URL(page.url()).searchParams.get('by'), 'group')
    await page.goto(page.url().replace('by=group', 'by=kind'))
    await page.getByRole('table', { name: 'Usage by kind' }).getByText('Dask worker').waitFor()
  })
})
