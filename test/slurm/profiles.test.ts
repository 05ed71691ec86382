import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { Profile, ServerDetails } from '@atrium/contract/servers.ts'
import type { UsageReport } from '@atrium/contract/usage-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { trivialServer } from '../support/servers.ts'
import type { SlurmCluster } from './cluster.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

const hourMs = 3_600_000

describe('profiles, use and preemption on a Slurm cluster', { skip: slurmSkipReason }, () => {
  let cluster: SlurmCluster
  let site: PlatformSite
  let program: string

  before(async () => {
    cluster = openSharedSlurmCluster()
    // Hosts have a /tmp of their own, in which this may be.
    program = join(cluster.dir, 'trivial-server.py')
    copyFileSync(trivialServer.at(-1) ?? '', program)
    chmodSync(program, 0o755)
    site = await startPlatformSite(cluster, {
      servers: { command: [...trivialServer.slice(0, -1), program], idle: { stop: false } },
      cost: { coreHour: 36, gpuHour: 3600 },
      profiles: [
        { name: 'small', cpu: 1, memory: '100M', timeLimit: '1h', default: true },
        { name: 'gpu', cpu: 1, memory: '100M', gpu: 1, gpuType: 'test', partition: 'main' },
        { name: 'spot', cpu: 2, memory: '100M', partition: 'low', preemptible: true },
        { name: 'gold', cpu: 1, qos: 'gold' },
        { name: 'charged', cpu: 1, account: 'chemistry' },
      ],
    })
    for (const name of ['alice', 'bob']) await site.platform.api('POST', `/hub/api/users/${name}`)
  })
  after(async () => {
    await site?.dispose()
    rmSync(program, { force: true })
  })

  const find = async (user: string): Promise<ServerDetails> => {
    const { body } = await site.platform.api<ServerDetails>('GET', `/api/v1/servers/${user}/-`)
    return body
  }
  const start = async (user: string, options: object): Promise<ServerDetails> => {
    const path = `/hub/api/users/${user}/server`
    const { status, body } = await site.platform.api('POST', path, { body: options })
    assert.ok(status === 201 || status === 202, JSON.stringify(body))
    return untilRunning(user)
  }
  const untilRunning = (user: string) =>
    waitFor(
      `the server of ${user}`,
      async () => {
        const server = await find(user)
        assert.notEqual(server.state, 'failed', server.message ?? 'it failed')
        return server.state === 'running' && server
      },
      { deadlineMs: 60_000 },
    )
  const stop = async (user: string) => {
    await site.platform.api('DELETE', `/hub/api/users/${user}/server`)
    await waitFor('the end', async () => (await find(user)).state === 'stopped', { deadlineMs: 60_000 })
  }
  const readUsage = async (query: string) =>
    (await site.platform.api<UsageReport>('GET', `/api/v1/usage?${query}`)).body
  const squeue = async (user: string, format: string) =>
    (await cluster.as(user, 'squeue', ['--me', '-h', '-o', format])).stdout.trim()

  test('are offered with the accounts of their user, and withheld where Slurm would refuse', async () => {
    const list = async (user: string) => {
      const path = `/api/v1/profiles?user=${user}&withheld=true`
      const { body } = await site.platform.api<Profile[]>('GET', path)
      return body.map(({ name, accounts, withheld }) => [
        name,
        withheld ?? accounts?.map((each) => each.name).join(' '),
      ])
    }
    const withheld = [
      ['gold', 'No account of the user has the quality of service gold.'],
      ['charged', 'The user has no share of the account chemistry.'],
    ]
    const both = 'physics biology'
    assert.deepEqual(await list('bob'), [['small', both], ['gpu', both], ['spot', both], ...withheld])
    const one = 'physics'
    assert.deepEqual(await list('alice'), [['small', one], ['gpu', one], ['spot', one], ...withheld])
  })

  test('become what Slurm is asked for; what they used is what Slurm accounted for', async () => {
    const server = await start('bob', { profile: 'gpu', account: 'biology' })
    const [id = '', ...asked] = (await squeue('bob', '%i %a %P %b')).split(' ')
    assert.deepEqual(asked, ['biology', 'main', 'gres:gpu:test:1'])
    assert.equal(server.account, 'biology')
    await stop('bob')
    const fields = ['-n', '-X', '-P', '-j', id, '-o', 'CPUTimeRAW,ElapsedRaw']
    const { stdout } = await cluster.as('bob', 'sacct', fields)
    const [coreSeconds = 0, seconds = 0] = stdout.trim().split('|').map(Number)
    const report = await readUsage('by=user&user=bob')
    const [row] = report.rows
    const rounded = (hours: number) => Math.round(hours * 10_000) / 10_000
    assert.deepEqual(
      [row?.name, row?.runs, row?.coreHours, row?.gpuHours],
      ['bob', 1, rounded(coreSeconds / 3600), rounded(seconds / 3600)],
    )
    assert.equal(row?.cost, rounded((36 * coreSeconds + 3600 * seconds) / 3600))
    assert.deepEqual(
      (await readUsage('by=partition')).rows.map(({ name }) => name),
      ['main'],
    )
  })

  test('give their time limit to Slurm, which says when the server ends', async () => {
    const server = await start('bob', { profile: 'small' })
    const leftMs = (server.endsAtMs ?? 0) - (server.readyAtMs ?? 0)
    assert.ok(leftMs > hourMs - 60_000 && leftMs <= hourMs, `${leftMs} ms`)
    await cluster.as('root', 'scontrol', [
      'update',
      `JobId=${await squeue('bob', '%i')}`,
      'TimeLimit=00:05:00',
    ])
    const latestMs = (server.readyAtMs ?? 0) + 5 * 60_000
    await waitFor('the new end', async () => ((await find('bob')).endsAtMs ?? 0) <= latestMs, {
      deadlineMs: 60_000,
    })
    await stop('bob')
  })

  test('come back by themselves when they were preempted, and that is told', async () => {
    const { node = '', jobKey } = await start('alice', { profile: 'spot' })
    const urgent = ['-p', 'high', '-w', node, '--exclusive', '--parsable', '--output=/dev/null']
    const { stdout } = await cluster.as('bob', 'sbatch', urgent, { input: '#!/bin/sh\nexec sleep 3\n' })
    const again = await waitFor(
      'the restart',
      async () => {
        const server = await find('alice')
        return server.restarts !== undefined && server.state === 'running' && server
      },
      { deadlineMs: 90_000 },
    )
    await cluster.as('bob', 'scancel', [stdout.trim()])
    assert.deepEqual([again.restarts?.count, again.restarts?.reason, again.jobKey], [1, 'preempted', jobKey])
    await stop('alice')
    const [row] = (await readUsage('by=user&user=alice')).rows
    assert.equal(row?.runs, 2, 'both starts count')
  })
})
