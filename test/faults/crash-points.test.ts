import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { QuotaList } from '@atrium/contract/quotas-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { crashPoints } from '@atrium/server/scheduler/reconcile/crash-points.ts'

import { type Platform, startPlatform } from '../support/platform.ts'
import {
  findJobProcesses,
  requestServer,
  trivialConfig,
  waitUntilReady,
  waitUntilStopped,
} from '../support/servers.ts'

/** Points that a stop passes; the others belong to a start. */
const stopPoints = new Set<string>(['before-cancel', 'after-cancel', 'before-store-end', 'after-store-end'])

describe('a control plane killed at', () => {
  for (const point of crashPoints) {
    const isStop = stopPoints.has(point)
    test(`${point}: the next one ${isStop ? 'ends the server and leaves nothing behind' : 'starts the server, once'}`, async (t) => {
      const platform = await startPlatform({
        config: trivialConfig,
        environment: { ATRIUM_TEST_CRASH_POINT: point },
      })
      t.after(() => platform.dispose())
      await requestServer(platform, 'alice').catch(() => {})
      if (isStop) await stopAndIgnore(platform)
      await platform.exited()
      await platform.startAgain({ ATRIUM_TEST_CRASH_POINT: '' })
      if (isStop) {
        await waitUntilStopped(platform, 'alice')
        await waitFor('the processes to be gone', () => findJobProcesses(platform).length === 0)
      } else {
        await waitUntilReady(platform, 'alice')
        assert.equal(findJobProcesses(platform, 'alice').length, 1)
      }
      const { body } = await platform.api<QuotaList>('GET', '/api/v1/quotas')
      const held = body.quotas.find(({ subject }) => subject === 'platform')?.used.servers ?? 0
      assert.equal(held, isStop ? 0 : 1)
    })
  }
})

async function stopAndIgnore(platform: Platform): Promise<void> {
  await waitUntilReady(platform, 'alice')
  await platform.api('DELETE', '/hub/api/users/alice/server').catch(() => {})
}
