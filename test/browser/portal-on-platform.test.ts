import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import type { Page } from 'playwright-core'

import { type Platform, startPlatform } from '../support/platform.ts'
import { requestServer, trivialServer, waitUntilReady } from '../support/servers.ts'
import { createUser, password, signIn } from './platform-journey.ts'
import { seeText, useChromium } from './portal-fixture.ts'

/** The mock API is only as good as its likeness: the same pages on the real one, with servers that cost nothing. */
const config = JSON.stringify({
  servers: { command: trivialServer },
  profiles: [
    { name: 'small', title: 'Small', description: 'For notes.', memory: '512M', default: true },
    { name: 'large', title: 'Large', memory: '2G', timeLimit: '8h' },
  ],
  groups: { astro: { users: ['bob'] } },
  roles: [
    {
      name: 'sharer',
      scopes: ['shares!user', 'read:users:name'],
      users: ['alice'],
      description: 'May share',
    },
    { name: 'auditor', scopes: ['read:audit'], description: 'Reads the record' },
  ],
  quotas: { user: { servers: 2 }, users: { bob: { servers: 0 } } },
})

const chromium = useChromium()
let platform: Platform
let ada: Page
let alice: Page
/** What pages reported that should not be. */
const complaints: string[] = []

before(async () => {
  platform = await startPlatform({ config })
  const context = (await chromium.newPage()).context()
  alice = await createUser(platform, context, 'alice')
  ada = await chromium.newPage()
  await ada.goto(platform.ready.signInLink ?? '')
  await ada.getByLabel('Username').fill('ada')
  await ada.getByLabel('Password').fill(password)
  await ada.getByRole('button', { name: 'Make the account' }).click()
  await ada.getByRole('heading', { name: 'Home', exact: true }).waitFor()
  for (const page of [ada, alice]) listen(page)
})

after(async () => {
  await platform.dispose()
})

function listen(page: Page): void {
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
}

const open = (page: Page, path: string) => page.goto(`${platform.url}/hub/${path}`)

async function choose(page: Page, menu: string, action: string): Promise<void> {
  await page.getByRole('button', { name: menu }).click()
  await page.getByRole('menuitem', { name: action }).click()
}

describe('the portal on the real platform', () => {
  test('every page opens without a complaint of the browser', async () => {
    const signs: Record<string, string> = {
      home: 'Default server',
      compute: 'No cluster runs',
      'compute/runs': 'You ran nothing yet',
      'compute/schedules': 'Nothing runs by the clock',
      'compute/schedules/new': 'At 06:00, Monday to Friday',
      'admin/jobs/clusters': 'No cluster fits',
      'admin/jobs/runs': 'No run fits',
      'admin/jobs/schedules': 'No schedule fits',
      token: 'Your tokens',
      activity: 'session.start',
      account: 'This one',
      admin: 'alice',
      'admin/users/alice': 'Default server',
      'admin/groups': 'astro',
      'admin/groups/astro': 'bob',
      'admin/roles': 'auditor',
      'admin/roles/admin': 'Stop the control plane.',
      'admin/jobs': 'Nothing runs',
      'admin/queue': 'Nothing waits',
      'admin/quotas': 'Nobody holds anything',
      'admin/nodes': 'Processors',
      'admin/usage': 'Altogether',
      usage: 'By day',
      'admin/services': 'Services',
      'admin/audit': 'user.create',
      'admin/platform': 'SQLite',
    }
    for (const [path, sign] of Object.entries(signs)) {
      await open(ada, path)
      await seeText(ada, sign)
    }
    await open(alice, 'home')
    await seeText(alice, 'For notes.')
    await open(alice, 'admin')
    await seeText(alice, 'not yours to open')
    assert.deepEqual(
      complaints.filter((text) => !text.includes('403')),
      [],
    )
  })

  test('a start leads into the server, and home shows what is known of it', async () => {
    await open(alice, 'home')
    await alice.getByRole('radio', { name: 'Large' }).check()
    await alice.getByRole('button', { name: 'Start' }).click()
    await alice.waitForURL('**/user/alice/**')
    await open(alice, 'home')
    const card = alice.getByRole('region', { name: /^Default server/ })
    await card.getByText('Running', { exact: true }).waitFor()
    await card.getByText('Large').waitFor()
    await card.getByText('Time left').waitFor()
  })

  test('a named server comes and goes', async () => {
    await alice.getByRole('button', { name: 'New named server' }).click()
    await alice.getByLabel('Name', { exact: true }).fill('lab')
    await alice.getByRole('dialog').getByRole('button', { name: 'Start' }).click()
    await alice.waitForURL('**/user/alice/lab/**')
    await open(alice, 'home')
    const card = alice.getByRole('region', { name: /^lab/ })
    await card.getByText('Running', { exact: true }).waitFor()
    await card.getByRole('button', { name: 'Stop' }).click()
    await alice.getByRole('dialog').getByRole('button', { name: 'Stop' }).click()
    await card.getByText('Stopped', { exact: true }).waitFor()
    await card.getByRole('button', { name: 'More for lab' }).click()
    await alice.getByRole('menuitem', { name: 'Delete…' }).click()
    await alice.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await card.waitFor({ state: 'detached' })
  })

  test('a start beyond a quota that can never fit is refused with the reason', async () => {
    const bob = await createUser(platform, (await chromium.newPage()).context(), 'bob')
    await bob.getByRole('button', { name: 'Start' }).click()
    await bob.getByRole('alert').getByText('It cannot start').waitFor()
    await seeText(bob, 'The limit of the user bob is 0 servers at a time.')
  })

  test('a server is shared by name, and by a link that its guest accepts', async () => {
    await open(alice, 'home')
    await choose(alice, 'More for Default server', 'Share…')
    const dialog = alice.getByRole('dialog', { name: 'Share Default server' })
    await dialog.getByLabel('Name', { exact: true }).fill('bob')
    await dialog.getByRole('button', { name: 'Share', exact: true }).click()
    await dialog.getByRole('cell', { name: 'bob', exact: true }).waitFor()
    await dialog.getByRole('button', { name: 'Take back from bob' }).click()
    await dialog.getByText('Shared with nobody').waitFor()
    await dialog.getByRole('button', { name: 'New link for a day' }).click()
    const link = await dialog.getByLabel('Copy it now').inputValue()
    const bob = await chromium.newPage()
    await signIn(bob, platform, 'bob')
    await bob.goto(link)
    await bob.getByRole('heading', { name: 'alice shares a server' }).waitFor()
    await bob.getByRole('button', { name: 'Accept' }).click()
    await bob.waitForURL('**/user/alice/**')
    await open(bob, 'home')
    const row = bob
      .getByRole('table', { name: 'Servers shared with you' })
      .getByRole('row', { name: /alice/ })
    await row.getByText('Running').waitFor()
    await row.getByRole('button', { name: 'Give up' }).click()
    await row.waitFor({ state: 'detached' })
  })

  test('tokens are made with the scopes asked for and work until they are revoked', async () => {
    await open(alice, 'token')
    await alice.getByRole('button', { name: 'New token' }).first().click()
    await alice.getByLabel('Note').fill('script')
    await alice.getByLabel('Limit what it may do').check()
    await alice.getByLabel('Read your account').check()
    await alice.getByRole('button', { name: 'Make the token' }).click()
    const token = await alice.getByLabel('script', { exact: true }).inputValue()
    const ask = async () => (await platform.api('GET', '/hub/api/users/alice', { token })).status
    assert.equal(await ask(), 200)
    assert.equal((await platform.api('GET', '/hub/api/users/bob', { token })).status, 404)
    await alice.getByRole('button', { name: 'Done' }).click()
    await alice.getByRole('button', { name: 'Revoke script' }).click()
    await alice.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await alice.getByRole('cell', { name: 'script', exact: true }).waitFor({ state: 'detached' })
    assert.equal(await ask(), 403)
  })

  test('a changed password signs the other browsers out', async () => {
    const phone = await chromium.newPage({ viewport: { width: 390, height: 844 } })
    await signIn(phone, platform, 'alice')
    await open(alice, 'account')
    await alice.getByLabel('Current password').fill(password)
    await alice.getByLabel('New password', { exact: true }).fill(password)
    await alice.getByLabel('New password again').fill(password)
    await alice.getByRole('button', { name: 'Change the password' }).click()
    await seeText(alice, 'Your password is changed.')
    await phone.reload()
    await phone.getByRole('heading', { name: 'Sign in' }).waitFor()
  })

  test('an administrator makes users, groups and roles do what they should', async () => {
    await open(ada, 'admin')
    await ada.getByRole('button', { name: 'Invite' }).click()
    await ada.getByLabel('Username').fill('greta')
    await ada.getByLabel('astro').check()
    await ada.getByRole('button', { name: 'Make the link' }).click()
    const invitation = await ada.getByLabel('Send this link').inputValue()
    const greta = await chromium.newPage()
    await greta.goto(invitation)
    await seeText(greta, 'ada invites you')
    await greta.getByLabel('Password').fill(password)
    await greta.getByRole('button', { name: 'Make the account' }).click()
    await greta.getByRole('heading', { name: 'Home', exact: true }).waitFor()
    await open(ada, 'admin/groups/astro')
    await ada.getByRole('button', { name: 'Remove greta' }).click()
    await ada.getByRole('link', { name: 'greta' }).waitFor({ state: 'detached' })
    await open(ada, 'admin/roles/auditor')
    await ada.getByRole('button', { name: 'Give to…' }).click()
    await ada.getByLabel('Name', { exact: true }).fill('greta')
    await ada.getByRole('button', { name: 'Give', exact: true }).click()
    await ada.getByRole('button', { name: 'Take away from greta' }).waitFor()
    await open(ada, 'admin?name_filter=greta')
    await choose(ada, 'Actions for greta', 'Rename…')
    await ada.getByLabel('New username').fill('gretel')
    await ada.getByRole('button', { name: 'Rename' }).click()
    await seeText(ada, 'greta is gretel now.')
    await open(ada, 'admin?name_filter=gretel')
    await choose(ada, 'Actions for gretel', 'Delete…')
    await ada.getByRole('button', { name: 'Delete the user' }).click()
    await seeText(ada, 'gretel is deleted.')
  })

  test('an administrator sees what runs, and stops it', async () => {
    await requestServer(platform, 'alice')
    await waitUntilReady(platform, 'alice')
    await open(ada, 'admin/jobs')
    const row = ada.getByRole('row', { name: /alice/ })
    await row.getByText('Running').waitFor()
    await row.getByRole('link', { name: 'Server' }).click()
    await ada.getByRole('heading', { name: 'Server', exact: true }).waitFor()
    await ada.getByRole('button', { name: 'Cancel the job' }).click()
    await ada.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click()
    await seeText(ada, 'Cancelled by ada.')
    await open(ada, 'admin/audit')
    await ada.getByLabel('By whom').fill('ada')
    await ada.getByRole('combobox', { name: 'Actions' }).selectOption('Jobs')
    await ada.getByRole('cell', { name: 'job.cancel' }).waitFor()
  })
})
