import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { createSystemAccounts } from './system-accounts.ts'

test('who asks among many gets the account of that name, or none', async () => {
  const accounts = createSystemAccounts()
  const strangers = Array.from({ length: 450 }, (_, index) => `nobody-knows-${index}`)
  const names = [...strangers.slice(0, 300), 'root', ...strangers.slice(300), 'daemon', 'root']
  const found = await Promise.all(names.map((name) => accounts.find(name)))
  assert.deepEqual(
    found.flatMap((account) => (account === undefined ? [] : [[account.login, account.uid]])),
    [
      ['root', 0],
      ['daemon', 1],
      ['root', 0],
    ],
  )
  assert.deepEqual(found[names.indexOf('root')]?.gids.includes(0), true)
})

test('a name that is no login is nobody, whatever else it may mean', async () => {
  const accounts = createSystemAccounts()
  const { uid } = userInfo()
  for (const name of [
    String(uid),
    '0',
    '-s',
    '--help',
    'root:x',
    'root\n',
    '',
    'ro ot',
    '$(id)',
    'r'.repeat(300),
  ]) {
    assert.equal(await accounts.find(name), undefined, name)
  }
})

test('a directory that does not answer is an error, and answers again later', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'atrium-accounts-'))
  t.after(() => rm(folder, { recursive: true }))
  const getent = join(folder, 'getent')
  await writeFile(getent, `#!/bin/sh\ntest -e ${folder}/up || exec sleep 60\nexec getent "$@"\n`, {
    mode: 0o755,
  })
  const accounts = createSystemAccounts({ getent, timeoutMs: 200 })
  await assert.rejects(accounts.find('root'), { code: 'timeout' })
  await writeFile(join(folder, 'up'), '')
  assert.equal((await accounts.find('root'))?.uid, 0)
})
