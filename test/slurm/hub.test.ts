import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { ServerDetails } from '@atrium/contract/servers.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { trivialServer } from '../support/servers.ts'
import type { SlurmCluster } from './cluster.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

describe('named servers, the queue and the idle stop on a Slurm cluster', { skip: slurmSkipReason }, () => {
  let cluster: SlurmCluster
  let site: PlatformSite
  let program: string

  before(async () => {
    cluster = openSharedSlurmCluster()
    program = join(cluster.dir, 'queued-server.py')
    copyFileSync(trivialServer.at(-1) ?? '', program)
    chmodSync(program, 0o755)
    site = await startPlatformSite(cluster, {
      servers: { command: [...trivialServer.slice(0, -1), program], idle: { after: '5s', warning: '1s' } },
      profiles: [{ name: 'small', cpu: 1, memory: '100M' }],
      quotas: { user: { servers: 1 } },
    })
    await site.platform.api('POST', '/hub/api/users/alice')
  })
  after(async () => {
    await site?.dispose()
    rmSync(program, { force: true })
  })

  const request = async (name: string) => {
    const { status } = await site.platform.api('POST', `/hub/api/users/alice/servers/${name}`)
    assert.ok(status === 201 || status === 202, String(status))
  }
  const until = (name: string, state: ServerDetails['state']) => {
    let last: ServerDetails | undefined
    const look = async () => {
      last = (await site.platform.api<ServerDetails>('GET', `/api/v1/servers/alice/${name}`)).body
      return last.state === state && last
    }
    return waitFor(`${name} to be ${state}`, look, { deadlineMs: 60_000 }).catch((error: unknown) =>
      assert.fail(`${error}; last seen: ${JSON.stringify(last)}`),
    )
  }

  test('one beyond the quota waits in our queue, Slurm is not asked, and it starts when the idle one was stopped', async () => {
    await request('first')
    await until('first', 'running')
    await request('second')
    const queued = await until('second', 'queued')
    assert.match(queued.message ?? '', /server/)
    const { stdout } = await cluster.as('alice', 'squeue', ['--me', '-h', '-o', '%j'])
    assert.equal(stdout.trim(), 'atrium-server')
    const stopped = await until('first', 'stopped')
    assert.equal(stopped.reason, 'idle')
    await until('second', 'running')
  })
})
