import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { Profile } from '@atrium/contract/servers.ts'

import {
  createClient,
  type HubClient,
  type HubReplica,
  type HubSite,
  withHubSite,
} from '#http/testing/hub-site.ts'
import { buildAttemptKey } from '#scheduler/job-key.ts'
import type { OwnerChoices } from '#scheduler/owner-choices.ts'
import { testStoreKinds } from '#store/testing.ts'

const start = '/hub/api/users/alice/server'

/** Physics is everybody's default; biology alone may use the pool `gpu`. */
const choices: OwnerChoices = {
  bindsAccounts: true,
  bindsQos: true,
  defaultAccount: 'physics',
  defaultPartition: 'default',
  accounts: [
    {
      name: 'biology',
      qos: ['normal'],
      defaultQos: 'normal',
      limits: { timeLimitMs: 8 * 3_600_000, jobs: 2 },
    },
    { name: 'physics', qos: ['normal'], defaultQos: 'normal', limits: {} },
  ],
  partitions: [
    { name: 'default', takesJobs: true, isOpen: true, limits: {} },
    { name: 'gpu', takesJobs: true, isOpen: true, allowedAccounts: ['biology'], limits: { nodes: 1 } },
    { name: 'secret', takesJobs: true, isOpen: false, limits: {} },
  ],
}

const profiles = {
  profiles: [
    { name: 'small' },
    { name: 'gpu', queue: { partition: 'gpu' } },
    { name: 'wide', queue: { partition: 'gpu' }, nodes: 2 },
    { name: 'secret', queue: { partition: 'secret' } },
    { name: 'charged', queue: { account: 'biology' } },
  ],
  idle: { stop: true, afterMs: 1, warningMs: 1, cpuCores: 1 },
}

for (const kind of testStoreKinds) {
  const withChoices = (check: (site: HubSite, replica: HubReplica, alice: HubClient) => Promise<void>) =>
    withHubSite(
      kind,
      async (site, replica) => {
        site.world.controls.choices = () => choices
        await check(site, replica, await createClient(replica, 'alice'))
      },
      { profiles },
    )
  const list = async (client: HubClient, query = ''): Promise<Profile[]> =>
    JSON.parse((await client.request('GET', `/api/v1/profiles${query}`)).body)
  const accountsOf = ({ name, accounts }: Profile) => [name, accounts?.map((account) => account.name)]

  describe(`profiles as the scheduler lets users have them (${kind.kind})`, () => {
    test('only those are offered that one of the user’s accounts may use, with the accounts', () =>
      withChoices(async (_site, _replica, alice) => {
        const offered = await list(alice)
        assert.deepEqual(offered.map(accountsOf), [
          ['small', ['physics', 'biology']],
          ['gpu', ['biology']],
          ['charged', ['biology']],
        ])
        assert.deepEqual(offered[0]?.accounts?.[0], { name: 'physics', isDefault: true, limits: {} })
        assert.deepEqual(offered[1]?.accounts?.[0]?.limits, { timeLimitMs: 28_800_000, jobs: 2, nodes: 1 })
      }))

    test('administrators see what is withheld from a user, and why; the user does not', () =>
      withChoices(async (_site, replica, alice) => {
        const ada = await createClient(replica, 'ada', { admin: true })
        const all = await list(ada, '?user=alice&withheld=true')
        assert.deepEqual(
          all.flatMap(({ name, withheld }) => (withheld === undefined ? [] : [[name, withheld]])),
          [
            ['wide', 'It has more nodes than the partition gpu gives.'],
            ['secret', "The partition secret is not open to the user's groups."],
          ],
        )
        const own = await alice.request('GET', '/api/v1/profiles?withheld=true')
        assert.equal(own.statusCode, 403)
      }))

    test('a start is charged to what was chosen, else to the default that fits', () =>
      withChoices(async ({ world }, replica, alice) => {
        const startWith = async (body: object) => {
          const { statusCode } = await alice.request('POST', start, body)
          assert.equal(statusCode, 201)
          const job = (await replica.hub.findServer('alice', ''))?.jobKey ?? ''
          const [run] = world.findRuns(buildAttemptKey(job, 1))
          await alice.request('DELETE', start)
          return run?.spec.queue
        }
        assert.deepEqual(await startWith({ profile: 'small' }), { account: 'physics' })
        assert.deepEqual(await startWith({ profile: 'small', account: 'biology' }), { account: 'biology' })
        assert.deepEqual(await startWith({ profile: 'charged' }), { account: 'biology' })
      }))

    test('what the scheduler would refuse is refused at once, with what there is instead', () =>
      withChoices(async (_site, _replica, alice) => {
        const refusalOf = async (body: object) => {
          const answer = await alice.request('POST', start, body)
          assert.equal(answer.statusCode, 403)
          return JSON.parse(answer.body).message as string
        }
        assert.match(
          await refusalOf({ profile: 'secret' }),
          /not open to the user's groups.*small, gpu, charged/,
        )
        assert.match(await refusalOf({ profile: 'small', account: 'chemistry' }), /physics, biology/)
        assert.match(await refusalOf({ profile: 'gpu', account: 'physics' }), /biology/)
        assert.match(await refusalOf({ profile: 'charged', account: 'physics' }), /biology, no other/)
        const odd = await alice.request('POST', start, { profile: 'small', account: ['physics'] })
        assert.equal(odd.statusCode, 400)
      }))

    test('while the scheduler is silent everything is offered, and that it is not known is said', () =>
      withChoices(async ({ world }, _replica, alice) => {
        world.controls.unreachable = true
        const offered = await list(alice)
        assert.deepEqual(
          offered.map(({ name }) => name),
          profiles.profiles.map(({ name }) => name),
        )
        assert.ok(offered.every(({ unchecked }) => unchecked?.includes('does not answer')))
        const hostile = await alice.request('POST', start, { profile: 'small', account: '--wrap=id' })
        assert.equal(hostile.statusCode, 403)
      }))

    test('the scheduler is asked once in a minute, and what it said holds while it is silent', () =>
      withChoices(async ({ world }, _replica, alice) => {
        let asked = 0
        world.controls.choices = () => {
          asked += 1
          return choices
        }
        await Promise.all([list(alice), list(alice)])
        world.controls.unreachable = true
        assert.equal((await list(alice)).length, 3)
        assert.equal(asked, 1)
      }))
  })
}
