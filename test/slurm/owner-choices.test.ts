import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { systemClock } from '@atrium/server/platform/clock.ts'
import { createOwnerChoices } from '@atrium/server/scheduler/drivers/slurm/owner-choices.ts'
import { findFit } from '@atrium/server/scheduler/owner-choices.ts'

import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

describe('what a user may ask of a real cluster', { skip: slurmSkipReason }, () => {
  test('accounts, qualities of service and partitions are those that sbatch takes', async () => {
    const cluster = openSharedSlurmCluster()
    const commands = { configFile: cluster.env.SLURM_CONF, timeoutMs: 20_000 }
    const choicesOf = createOwnerChoices(commands, systemClock)
    const options = { signal: AbortSignal.timeout(60_000) }
    const isTaken = async (user: string, wish: Readonly<Record<string, string>>) => {
      const words = Object.entries(wish).map(([name, value]) => `--${name}=${value}`)
      const args = ['--test-only', '--output=/dev/null', ...words]
      const { code } = await cluster.as(user, 'sbatch', args, { input: '#!/bin/sh\n' })
      return code === 0
    }
    for (const user of ['alice', 'bob', 'carol']) {
      const choices = await choicesOf({ login: user }, options)
      for (const account of ['physics', 'biology', 'chemistry']) {
        for (const qos of ['normal', 'high', 'gold']) {
          for (const partition of ['main', 'gone']) {
            const wish = { account, qos, partition }
            const fits = 'accounts' in findFit(choices, wish)
            assert.equal(fits, await isTaken(user, wish), `${user} ${JSON.stringify(wish)}`)
          }
        }
      }
    }
    const bob = await choicesOf({ login: 'bob' }, options)
    const fit = findFit(bob, {})
    assert.ok('accounts' in fit)
    assert.deepEqual(
      fit.accounts.map(({ name, isDefault }) => [name, isDefault]),
      [
        ['physics', true],
        ['biology', false],
      ],
    )
    // What could be read as a condition is nobody's name.
    const nobody = await choicesOf({ login: 'bob,alice account=physics' }, options)
    assert.deepEqual(nobody.accounts, [])
  })
})
