import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'

import type { ServerDetails } from '@atrium/contract/servers.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { createPerson } from '../real-parts/people.ts'
import { trivialServer } from '../support/servers.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const program = readFileSync(trivialServer.at(-1) ?? '', 'utf8')

describe('a server on Kubernetes that nobody uses', { skip: kubernetesSkipReason }, () => {
  let site: PlatformSite

  before(async () => {
    site = await startPlatformSite(openSharedKubernetesCluster(), {
      servers: {
        command: [...trivialServer.slice(0, -1), '-c', program],
        idle: { after: '5s', warning: '1s' },
      },
      profiles: [{ name: 'small', cpu: 0.1, memory: '64M', default: true }],
      quotas: { user: { servers: 1 } },
    })
    await createPerson(site.platform, 'alice')
  })
  after(() => site?.dispose())

  const request = async (name: string) => {
    const { status } = await site.platform.api('POST', `/hub/api/users/alice/servers/${name}`)
    assert.ok(status === 201 || status === 202, String(status))
  }
  const until = (name: string, state: ServerDetails['state']) =>
    waitFor(
      `${name} to be ${state}`,
      async () => {
        const { body } = await site.platform.api<ServerDetails>('GET', `/api/v1/servers/alice/${name}`)
        return body.state === state && body
      },
      { deadlineMs: 120_000 },
    )
  const listRunning = async () => {
    const running = '--field-selector=status.phase=Running'
    return (await site.kubectl('get', 'pods', running, '--output=name')).split('\n').filter(Boolean)
  }

  test('is stopped with its pod, and what waits for its place comes', async () => {
    await request('first')
    await until('first', 'running')
    const [pod] = await listRunning()
    await request('second')
    assert.match((await until('second', 'queued')).message ?? '', /server/)
    assert.equal((await until('first', 'stopped')).reason, 'idle')
    await waitFor('its pod to end', async () => !(await listRunning()).includes(pod ?? ''), {
      deadlineMs: 60_000,
    })
    await until('second', 'running')
  })
})
