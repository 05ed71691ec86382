import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { isPlatformError } from '@atrium/contract/errors.ts'
import { createCommandClient } from './command-client.ts'
import type { SlurmClient } from './slurm-client.ts'

const wait = { signal: new AbortController().signal }
let folder = ''

/** Slurm's commands, which print this, and note that they were run. */
function commandsThatPrint(answers: Readonly<Record<string, unknown>>): SlurmClient {
  writeFileSync(join(folder, 'runs'), '')
  for (const [name, answer] of Object.entries(answers)) {
    const script = `#!/bin/sh\necho "${name} $*" >> ${folder}/runs\ncat <<'END'\n${JSON.stringify(answer)}\nEND\n`
    writeFileSync(join(folder, name), script, { mode: 0o755 })
  }
  const owners = { submit: () => Promise.reject(new Error()), cancel: () => Promise.reject(new Error()) }
  return createCommandClient({ folder, timeoutMs: 60_000 }, owners)
}

const runs = () => readFileSync(join(folder, 'runs'), 'utf8').trim().split('\n')

describe('Slurm by its commands', () => {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'atrium-commands-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const nodes = [{ name: 'n1', state: ['IDLE'], cpus: 2 }]

  test('a cluster without accounting knows no ended jobs; one whose accounting is away does not say so', async () => {
    const client = commandsThatPrint({})
    const complain = (words: string) =>
      writeFileSync(join(folder, 'sacct'), `#!/bin/sh\necho '${words}' >&2\nexit 1\n`, { mode: 0o755 })
    complain('Slurm accounting storage is disabled')
    assert.deepEqual(await client.listEnded(['1'], wait), [])
    complain('sacct: error: Problem talking to the database: Connection refused')
    await assert.rejects(client.listEnded(['1'], wait), (error) =>
      isPlatformError(error, 'scheduler_unavailable'),
    )
  })

  test('nodes of 22.05 by sinfo', async () => {
    const client = commandsThatPrint({ sinfo: { meta: {}, nodes }, scontrol: {} })
    assert.deepEqual(
      (await client.listNodes(wait)).map(({ name }) => name),
      ['n1'],
    )
    assert.deepEqual(runs(), ['sinfo --json'])
  })

  test('nodes of later releases by scontrol; sinfo is asked once', async () => {
    const client = commandsThatPrint({
      sinfo: { sinfo: [{ node: { state: ['IDLE'] } }], meta: {} },
      scontrol: { nodes },
    })
    for (let times = 0; times < 2; times += 1)
      assert.deepEqual(
        (await client.listNodes(wait)).map(({ name }) => name),
        ['n1'],
      )
    assert.deepEqual(runs(), ['sinfo --json', 'scontrol show nodes --json', 'scontrol show nodes --json'])
  })
})
