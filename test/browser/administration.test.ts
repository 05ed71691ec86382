import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { seeText, usePortal } from './portal-fixture.ts'

describe('users', () => {
  const portal = usePortal()

  test('are searched and paged, and the URL says how', async () => {
    const { page } = await portal.open('/hub/admin', { user: 'ada' })
    await seeText(page, '1–50 of 123')
    await page.getByRole('button', { name: 'Next' }).click()
    await seeText(page, '51–100 of 123')
    await page.getByLabel('Search users').fill('bob')
    await page.getByRole('link', { name: 'bob' }).waitFor()
    await page.getByRole('link', { name: 'alice' }).waitFor({ state: 'detached' })
    assert.equal(new URL(page.url()).searchParams.get('name_filter'), 'bob')
    await page.getByLabel('Search users').fill('zzz')
    await seeText(page, 'No user fits')
  })

  test('are all shown again by the link that leads here', async () => {
    const { page } = await portal.open('/hub/admin?name_filter=bob', { user: 'ada' })
    await page.getByRole('link', { name: 'bob' }).waitFor()
    await page.getByRole('link', { name: 'Users' }).click()
    await page.getByRole('link', { name: 'alice' }).waitFor()
    assert.equal(await page.getByLabel('Search users').inputValue(), '')
  })

  test('many are added at once; names that are taken are named', async () => {
    const { page } = await portal.open('/hub/admin', { user: 'ada' })
    await page.getByRole('button', { name: 'Add users' }).click()
    await page.getByLabel('Usernames').fill('xena\nyuri, alice')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('alert').getByText('There already: alice').waitFor()
    await page.getByLabel('Usernames').fill('xena\nyuri')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await seeText(page, '2 users added.')
  })

  test('are invited by a link that is shown once', async () => {
    const { page } = await portal.open('/hub/admin', { user: 'ada' })
    await page.getByRole('button', { name: 'Invite' }).click()
    await page.getByLabel('Username').fill('greta')
    await page.getByLabel('astro').check()
    await page.getByRole('button', { name: 'Make the link' }).click()
    assert.match(await page.getByLabel('Send this link').inputValue(), /\/hub\/invitation#token=/)
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'Take back the invitation for greta' }).click()
    await page.getByRole('cell', { name: 'greta', exact: true }).waitFor({ state: 'detached' })
  })

  test('are not offered what the scheduler would refuse, and an administrator sees why', async () => {
    const { page } = await portal.open('/hub/admin/users/bob', { user: 'ada' })
    await page
      .getByRole('region', { name: 'Profiles that are not offered' })
      .getByText('No account of the user is for the partition big.')
      .waitFor()
  })

  test('get a link to set a password, a new name, rights, and are deleted', async () => {
    const { page } = await portal.open('/hub/admin?name_filter=bob', { user: 'ada' })
    const choose = async (user: string, action: string) => {
      await page.getByRole('button', { name: `Actions for ${user}` }).click()
      await page.getByRole('menuitem', { name: action }).click()
    }
    await choose('bob', 'One-time link…')
    await page.getByRole('button', { name: 'Make the link' }).click()
    assert.match(await page.getByLabel('Send this link').inputValue(), /\/hub\/set-password#token=/)
    await page.getByRole('button', { name: 'Done' }).click()
    await choose('bob', 'Make admin')
    await page.getByRole('row', { name: /bob/ }).getByText('Admin', { exact: true }).waitFor()
    await choose('bob', 'Rename…')
    await page.getByLabel('New username').fill('bobby')
    await page.getByRole('button', { name: 'Rename' }).click()
    await page.getByRole('link', { name: 'bobby' }).waitFor()
    await choose('bobby', 'Delete…')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete the user' }).click()
    await page.getByRole('link', { name: 'bobby' }).waitFor({ state: 'detached' })
  })

  test('many are selected over several pages, and put into a group, stopped and deleted at once', async () => {
    const { page, server } = await portal.open('/hub/admin', { user: 'ada' })
    const bar = page.getByRole('region', { name: 'Selected users' })
    await page.getByLabel('Select all on this page').check()
    await bar.getByRole('status').getByText('50 users selected').waitFor()
    await page.getByLabel('Select all on this page').uncheck()
    for (const name of ['ada', 'bob']) await page.getByLabel(`Select ${name}`, { exact: true }).check()
    await page.getByRole('button', { name: 'Next' }).click()
    await page.getByLabel('Select quinn.berg').check()
    await bar.getByRole('status').getByText('3 users selected').waitFor()
    await bar.getByRole('button', { name: 'Add to group…' }).click()
    await page.getByLabel('Group', { exact: true }).fill('students-2026')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await seeText(page, '3 users added to students-2026.')
    await bar.getByRole('status').getByText('selected').waitFor({ state: 'detached' })
    const members = server.api.state.groups.find(({ name }) => name === 'students-2026')?.users ?? []
    assert.ok(['ada', 'bob', 'quinn.berg'].every((name) => members.includes(name)))
    await page.goto(new URL('/hub/admin', page.url()).href)
    for (const name of ['ada', 'alice', 'bob'])
      await page.getByLabel(`Select ${name}`, { exact: true }).check()
    await bar.getByRole('button', { name: 'Stop servers…' }).click()
    await page.getByRole('dialog').getByText('ada/, ada/notes, ada/gpu, bob/.').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Stop 4 servers' }).click()
    await page.getByRole('row', { name: /bob/ }).getByText('default').waitFor({ state: 'detached' })
    for (const name of ['ada', 'alice', 'bob'])
      await page.getByLabel(`Select ${name}`, { exact: true }).check()
    await bar.getByRole('button', { name: 'Delete…' }).click()
    await page.getByRole('dialog').getByText('alice, bob.').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete 2 users' }).click()
    await seeText(page, '2 users deleted.')
    await page.getByRole('link', { name: 'bob' }).waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'ada', exact: true }).waitFor()
  })

  test('that cannot be deleted are named, and the others are', async () => {
    const { page } = await portal.open('/hub/admin', { user: 'ada' })
    await page.route('**/hub/api/users/bob', (route) =>
      route.fulfill({ status: 500, json: { message: 'It is on fire.' } }),
    )
    for (const name of ['alice', 'bob']) await page.getByLabel(`Select ${name}`, { exact: true }).check()
    await page.getByRole('button', { name: 'Delete…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete 2 users' }).click()
    await page.getByRole('alert').getByText('bob: It is on fire.').waitFor()
    await page.getByRole('link', { name: 'alice', includeHidden: true }).waitFor({ state: 'detached' })
  })

  test('have a page with their servers, which can be started and stopped', async () => {
    const { page } = await portal.open('/hub/admin/users/alice', { user: 'ada' })
    await page.getByRole('button', { name: 'Start' }).click()
    await page.getByRole('link', { name: 'Open' }).waitFor()
    assert.equal(new URL(page.url()).pathname, '/hub/admin/users/alice')
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click()
    await page.getByRole('button', { name: 'Start' }).waitFor()
  })

  test('who are no administrators do not get these pages', async () => {
    const { page } = await portal.open('/hub/admin', { user: 'alice' })
    await page.getByRole('heading', { name: 'This is not yours to open' }).waitFor()
    assert.equal(await page.getByRole('link', { name: 'Users' }).count(), 0)
  })
})

describe("administrators' pages", () => {
  const portal = usePortal()

  test('are loaded anew when an upgrade has taken their files away', async () => {
    const { page } = await portal.open('/hub/home', { user: 'ada' })
    await page.route('**/assets/admin-*.js', (route) => route.abort(), { times: 1 })
    await page.getByRole('link', { name: 'Quotas' }).click()
    await page.getByRole('heading', { name: 'Quotas' }).waitFor()
  })

  test('say so when their files are really missing', async () => {
    const { page } = await portal.open('/hub/home', { user: 'ada' })
    await page.route('**/assets/admin-*.js', (route) => route.abort())
    await page.getByRole('link', { name: 'Quotas' }).click()
    await page.getByText('This page broke.').waitFor()
    await page.getByRole('button', { name: 'Reload' }).waitFor()
  })
})

describe('groups and roles', () => {
  const portal = usePortal()

  test('a group is made, gets members and loses them, and is deleted', async () => {
    const { page } = await portal.open('/hub/admin/groups', { user: 'ada' })
    await page.getByRole('button', { name: 'New group' }).click()
    await page.getByLabel('Name', { exact: true }).fill('physics')
    await page.getByRole('button', { name: 'Make the group' }).click()
    await page.getByRole('heading', { name: 'physics' }).waitFor()
    await page.getByRole('button', { name: 'Add members' }).click()
    await page.getByLabel('Usernames').fill('alice nobody-here')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('alert').getByText('No such user: nobody-here').waitFor()
    await page.getByLabel('Usernames').fill('alice bob')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('button', { name: 'Remove alice' }).click()
    await page.getByRole('link', { name: 'alice' }).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('button', { name: 'Delete the group' }).click()
    await page.getByRole('heading', { name: 'Groups' }).waitFor()
    await page.getByRole('link', { name: 'physics' }).waitFor({ state: 'detached' })
  })

  test('a role says what it allows, is given and taken', async () => {
    const { page } = await portal.open('/hub/admin/roles', { user: 'ada' })
    await page.getByRole('link', { name: 'gpu-users' }).click()
    await seeText(page, 'Read the load of the machines.')
    await page.getByRole('button', { name: 'Give to…' }).click()
    await page.getByLabel('Name', { exact: true }).fill('alice')
    await page.getByRole('button', { name: 'Give', exact: true }).click()
    await page.getByRole('button', { name: 'Take away from alice' }).click()
    await page.getByRole('cell', { name: 'alice', exact: true }).waitFor({ state: 'detached' })
  })
})

describe('operations', () => {
  const portal = usePortal()

  test('jobs show their owner and reason; one shows its log and can be cancelled', async () => {
    const { page } = await portal.open('/hub/admin/jobs', { user: 'ada' })
    const row = page.getByRole('row', { name: /Server notes/ })
    await row.getByRole('cell', { name: 'ada', exact: true }).waitFor()
    await row.getByRole('link', { name: 'Server' }).click()
    await page.getByRole('log').getByText('line 3 of').waitFor()
    await page.getByRole('button', { name: 'Cancel the job' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click()
    await seeText(page, 'Stopped')
  })

  test('ended jobs are found by state and owner', async () => {
    const { page } = await portal.open('/hub/admin/jobs', { user: 'ada' })
    await page.getByLabel('State').selectOption('Ended')
    await page.getByText('It used more memory than its limit of 4 GB.').first().waitFor()
    await page.getByLabel('Owner').fill('nobody-here')
    await seeText(page, 'No job fits')
  })

  test('the queue shows places and reasons', async () => {
    const { page } = await portal.open('/hub/admin/queue', { user: 'ada' })
    const first = page.getByRole('row').nth(1)
    await first.getByText('Server gpu').waitFor()
    await first.getByText('Group astro uses 2 of 2 GPUs').waitFor()
  })

  test('quotas, nodes, services and the platform say how full and how well they are', async () => {
    const { page } = await portal.open('/hub/admin/quotas', { user: 'ada' })
    await page.getByRole('meter', { name: 'Memory' }).waitFor()
    await page.getByRole('link', { name: 'Nodes' }).click()
    await page
      .getByRole('region', { name: /node-2/ })
      .getByText('Draining')
      .waitFor()
    await page.getByRole('cell', { name: '0, can grow by 8 nodes' }).waitFor()
    await page.getByRole('link', { name: 'Services' }).click()
    await page.getByRole('cell', { name: 'culler', exact: true }).waitFor()
    await page.getByRole('link', { name: 'Platform' }).click()
    await seeText(page, 'Limits are not fully enforced')
  })

  test('the audit log is filtered by person, action and outcome', async () => {
    const { page } = await portal.open('/hub/admin/audit', { user: 'ada' })
    await page.getByLabel('By whom').fill('bob')
    await page.getByLabel('Outcome').selectOption('Refused')
    await page.getByRole('cell', { name: 'ada', exact: true }).first().waitFor({ state: 'detached' })
    const rows = page.getByRole('table').getByRole('row')
    for (const text of (await rows.allInnerTexts()).slice(1)) assert.match(text, /bob[\s\S]*Refused/)
    await page.getByRole('combobox', { name: 'Actions' }).selectOption('Roles')
    await seeText(page, 'Nothing recorded')
  })
})
