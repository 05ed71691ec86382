import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'

import { createSlurmController, type SlurmController } from './slurm-controller.ts'

describe('what slurmctld is told', () => {
  let folder: string
  let slurm: SlurmController

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'atrium-scontrol-'))
    // Writes its arguments down, each on a line of its own and a blank line after the last.
    const script = `#!/bin/sh
[ "$2" != nodename=bad ] || { echo 'slurm_update error: Invalid node name specified' >&2; exit 1; }
{ printf '%s\\n' "$@"; echo; } >>${folder}/calls
[ "$1" != show ] || printf 'ClusterName             = physics\\nSlurmctldHost[0]        = head\\n'
`
    await writeFile(join(folder, 'scontrol'), script, { mode: 0o755 })
    slurm = createSlurmController({ folder, environment: {} })
  })
  beforeEach(() => writeFile(join(folder, 'calls'), ''))
  after(() => rm(folder, { recursive: true, force: true }))

  const readCalls = async () =>
    (await readFile(join(folder, 'calls'), 'utf8'))
      .trim()
      .split('\n\n')
      .map((call) => call.split('\n'))

  test('where many nodes are, in few calls', async () => {
    const nodes = Array.from({ length: 201 }, (_, i) => ({
      node: `c${i}`,
      address: `10.0.0.${i}`,
      hostname: `ip-${i}`,
    }))
    await slurm.setAddresses(nodes)
    const calls = await readCalls()
    assert.equal(calls.length, 2)
    assert.deepEqual(calls[1], ['update', 'nodename=c200', 'nodeaddr=10.0.0.200', 'nodehostname=ip-200'])
    assert.match(calls[0]?.[2] ?? '', /^nodeaddr=10\.0\.0\.0,10\.0\.0\.1,/)
  })

  test('that nodes are down, with a reason that is one line whatever EC2 or a program said', async () => {
    await slurm.setDown(['c1', 'c2'], `no "capacity"\nin 'a' state=idle ${'x'.repeat(500)}`)
    const [call] = await readCalls()
    assert.deepEqual(call?.slice(0, 3), ['update', 'nodename=c1,c2', 'state=down'])
    assert.match(call?.[3] ?? '', /^reason=no capacity in a state=idle x+$/)
    assert.equal(call?.[3]?.length, 'reason='.length + 200)
  })

  test('and what it says of itself, or complains of', async () => {
    assert.equal(await slurm.clusterName(), 'physics')
    await assert.rejects(slurm.setAvailable(['bad']), /Invalid node name/)
  })
})
