import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

import type { Page } from 'playwright-core'

import { type Platform, startPlatform } from '../support/platform.ts'
import { trivialServer } from '../support/servers.ts'
import { createUser } from './platform-journey.ts'
import { seeText, useChromium } from './portal-fixture.ts'

/** A server that says something and then waits until the test opens its gate. */
const slowServer = `echo "waiting at the gate"; while [ ! -e "$1" ]; do sleep 0.05; done; shift; exec "$@"`

const chromium = useChromium()
let folder: string
let gate: string
let platform: Platform
let alice: Page

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atrium-gate-'))
  await chmod(folder, 0o755)
  gate = join(folder, 'open')
  const command = ['/bin/sh', '-c', slowServer, 'slow-server', gate, ...trivialServer]
  platform = await startPlatform({ config: JSON.stringify({ servers: { command, idle: { stop: false } } }) })
  alice = await createUser(platform, (await chromium.newPage()).context(), 'alice')
})

after(async () => {
  await platform?.dispose()
  await rm(folder, { recursive: true, force: true })
})

test('a start shows its steps and its log as they come, goes on over a restart, and leads into the server', async (t) => {
  await t.test('progress and log are there long before the server is', async () => {
    await alice.getByRole('button', { name: 'Start' }).click()
    await alice.getByRole('progressbar', { name: 'Progress of the start' }).waitFor()
    await alice
      .getByRole('list', { name: 'What happened so far' })
      .getByText('Handed to the scheduler')
      .waitFor()
    await alice.getByRole('log').getByText('waiting at the gate').waitFor()
  })

  await t.test('a link to the server waits with her, and knows where she was going', async () => {
    const other = await alice.context().newPage()
    await other.goto(`${platform.url}/user-redirect/lab/tree/day1.ipynb?a=1`)
    await other.getByRole('heading', { name: 'Starting Default server' }).waitFor()
    assert.equal(new URL(other.url()).searchParams.get('next'), '/user/alice/lab/tree/day1.ipynb?a=1')
  })

  await t.test('the control plane is killed and comes back: the page goes on by itself', async () => {
    await platform.kill('SIGKILL')
    await platform.startAgain()
    await alice.getByRole('log').getByText('waiting at the gate').waitFor()
    await seeText(alice, 'Opens when it is ready.')
  })

  await t.test('both pages leave for the server the moment it is ready', async () => {
    const [home, link] = alice
      .context()
      .pages()
      .filter((page) => page.url().startsWith(platform.url))
    assert.ok(home && link)
    await writeFile(gate, '')
    await home.waitForURL('**/user/alice/')
    await link.waitForURL('**/user/alice/lab/tree/day1.ipynb?a=1')
  })
})
