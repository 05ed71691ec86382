import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { seeText, usePortal } from './portal-fixture.ts'

describe('schedules', () => {
  const portal = usePortal()

  test('a person sees when each runs next and how it went last, and switches it off and on', async () => {
    const { page, server } = await portal.open('/hub/compute/schedules', { user: 'ada' })
    const row = page.getByRole('row', { name: /Daily report/ })
    await row.getByText('At 06:00, Monday to Friday (Europe/Berlin)').waitFor()
    await row.getByText('Done').waitFor()
    await seeText(page, 'Nothing was run: There is no profile "medium".')
    const toggle = row.getByRole('switch', { name: 'Run Daily report at its times' })
    assert.ok(await toggle.isChecked())
    await toggle.press('Space')
    await row.getByText('Not enabled').waitFor()
    assert.equal(server.api.state.schedules[0]?.enabled, false)
    await toggle.press('Space')
    await row.getByText('Not enabled').waitFor({ state: 'detached' })
  })

  test('the form says what a line of cron means and when it comes; what is wrong with it, too', async () => {
    const { page } = await portal.open('/hub/compute/schedules/new', { user: 'alice' })
    const cron = page.getByLabel('Line of cron')
    await seeText(page, 'At 06:00, Monday to Friday')
    await cron.fill('*/20 8-10 * * sat')
    await seeText(page, 'Every 20 minutes in the hours of 08:00 to 10:00, Saturday')
    const times = page.getByRole('list', { name: 'Next times' }).getByRole('listitem')
    assert.equal(await times.count(), 5)
    assert.match((await times.first().textContent()) ?? '', /^Sat .*, 08:00$/)
    await cron.fill('0 25 * * *')
    await page.getByRole('alert').getByText('“25” is no hour: 0 to 23 are.').waitFor()
    await page.getByRole('button', { name: 'First of the month' }).click()
    await seeText(page, 'At 06:00, on day 1 of the month')
    await page.getByLabel('Time zone').fill('Asia/Kolkata')
    await times.first().getByText('06:00 in Asia/Kolkata').waitFor()
    await page.getByLabel('Time zone').fill('Nowhere')
    await page.getByRole('alert').getByText('There is no time zone “Nowhere”.').waitFor()
  })

  test('a notebook with parameters is scheduled, and changed', async () => {
    const { page, server } = await portal.open('/hub/compute/schedules', { user: 'alice' })
    await page.getByRole('link', { name: 'New schedule' }).first().click()
    await page.getByLabel('Name').fill('Weekly')
    await page.getByLabel('Notebook', { exact: true }).fill('gone.ipynb')
    await page.getByLabel(/^Parameters/).fill('region = "north"\ndays = 7\nwrong')
    await page.getByRole('button', { name: 'Every Monday' }).click()
    await page.getByLabel('Profile').selectOption('Large')
    await page.getByLabel('Retries').fill('2')
    await page.getByRole('button', { name: 'Make the schedule' }).click()
    await page.getByRole('alert').getByText('“wrong” is not name = value.').waitFor()
    await page.getByLabel(/^Parameters/).fill('region = "north"\ndays = 7\nnote = plain text')
    await page.getByRole('button', { name: 'Make the schedule' }).click()
    await page.getByRole('alert').getByText('There is no notebook gone.ipynb in your home.').waitFor()
    await page.getByLabel('Notebook', { exact: true }).fill('reports/week.ipynb')
    await page.getByRole('button', { name: 'Make the schedule' }).click()
    await page.getByRole('heading', { level: 1, name: 'Weekly' }).waitFor()
    const made = server.api.state.schedules.at(-1)
    assert.deepEqual(
      [made?.cron, made?.notebook, made?.run, made?.keep, made?.overlap],
      [
        '0 6 * * 1',
        { path: 'reports/week.ipynb', parameters: { region: 'north', days: 7, note: 'plain text' } },
        { profile: 'large', retries: 2 },
        30,
        'skip',
      ],
    )
    await page.getByRole('button', { name: 'Edit' }).click()
    assert.equal(
      await page.getByLabel(/^Parameters/).inputValue(),
      'region = "north"\ndays = 7\nnote = "plain text"',
    )
    await page.getByLabel('Results to keep').fill('5')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { level: 1, name: 'Weekly' }).waitFor()
    assert.equal(server.api.state.schedules.at(-1)?.keep, 5)
  })

  test('a command is read as a shell reads quotes, and no further', async () => {
    const { page, server } = await portal.open('/hub/compute/schedules/new', { user: 'alice' })
    await page.getByLabel('Name').fill('Fetch')
    await page.getByRole('radio', { name: 'A command' }).check()
    await page.getByLabel('Command', { exact: true }).fill("python fetch.py 'two words' $HOME \"open")
    await page.getByRole('button', { name: 'Make the schedule' }).click()
    await page.getByRole('alert').getByText('This " has no end.').waitFor()
    await page.getByLabel('Command', { exact: true }).fill("python fetch.py 'two words' $HOME")
    await page.getByRole('button', { name: 'Make the schedule' }).click()
    await page.getByRole('heading', { level: 1, name: 'Fetch' }).waitFor()
    assert.deepEqual(server.api.state.schedules.at(-1)?.run?.command, [
      'python',
      'fetch.py',
      'two words',
      '$HOME',
    ])
  })

  test('its page has the next times, the history with results, and runs it now; it is deleted after a question', async () => {
    const { page } = await portal.open('/hub/compute/schedules/1', { user: 'ada' })
    await page.getByRole('list', { name: 'Next times' }).getByText('06:00 in Europe/Berlin').first().waitFor()
    const history = page.getByRole('region', { name: 'History' })
    await history.getByText('Cell 4 failed: KeyError: “region”.').waitFor()
    await history.getByRole('link', { name: /^2026-11-26T0600.ipynb/ }).waitFor()
    await page.getByRole('button', { name: 'Run now' }).click()
    await seeText(page, 'Daily report runs.')
    await history.getByText('Running').waitFor()
    await page.getByRole('button', { name: 'More for Daily report' }).click()
    await page.getByRole('menuitem', { name: 'Delete…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('link', { name: 'Fetch catalogue' }).waitFor()
    assert.equal(await page.getByRole('link', { name: 'Daily report' }).count(), 0)
  })
})
