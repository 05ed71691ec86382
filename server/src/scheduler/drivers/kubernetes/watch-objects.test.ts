import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'

import { systemClock } from '#platform/clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { waitFor } from '#platform/wait-for.ts'

import { type KubeClient, KubeRefusal, type KubeRequest } from './kube-client.ts'
import { type KubeObject, watchObjects } from './watch-objects.ts'

const name = (object: KubeObject) => object.metadata?.name ?? ''
const build = (names: string[], version = '1') =>
  names.map((each) => ({ metadata: { name: each, resourceVersion: version } }))

interface Script {
  list(query: KubeRequest['query'], count: number): object
  /** Lines of one watch; a thrown error refuses it. */
  watch(request: KubeRequest, count: number): AsyncIterable<object>
}

function follow(t: TestContext, script: Script) {
  const counts = { lists: 0, watches: 0 }
  const kept = new Set<string>()
  const client: KubeClient = {
    call: async <T>(_: string, __: string, { query }: KubeRequest) => script.list(query, ++counts.lists) as T,
    async stream(_, request) {
      const events = script.watch(request, ++counts.watches)
      return (async function* () {
        for await (const event of events) yield Buffer.from(`${JSON.stringify(event)}\n`)
      })()
    },
  }
  const watch = watchObjects({
    ...{ client, clock: systemClock, log: createSilentLogger() },
    ...{ path: '/api/v1/things', query: { labelSelector: 'ours=yes' } },
    keeper: {
      replace(objects) {
        kept.clear()
        for (const object of objects) kept.add(name(object))
      },
      change(object, how) {
        if (how === 'gone') kept.delete(name(object))
        else kept.add(name(object))
      },
    },
  })
  t.after(() => watch.close())
  return { counts, kept, watch }
}

/** Says nothing until it is ended. */
async function* never({ signal }: KubeRequest): AsyncGenerator<object> {
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  yield {}
}

describe('following objects', () => {
  test('reads long lists in parts, and only ours', async (t) => {
    const seen: KubeRequest['query'][] = []
    const { kept, watch } = follow(t, {
      list(query, count) {
        seen.push(query)
        return {
          items: build([`thing-${count}`]),
          metadata: { resourceVersion: '7', ...(count < 3 ? { continue: `part-${count}` } : {}) },
        }
      },
      watch: never,
    })
    await watch.settled(AbortSignal.timeout(10_000))
    assert.deepEqual([...kept], ['thing-1', 'thing-2', 'thing-3'])
    assert.deepEqual(
      seen.map((query) => [query?.['continue'], query?.['labelSelector'], Number(query?.['limit']) <= 500]),
      [undefined, 'part-1', 'part-2'].map((part) => [part, 'ours=yes', true]),
    )
  })

  for (const [title, refuse] of [
    ['refused', true],
    ['broken off', false],
  ] as const)
    test(`reads everything anew when the server has forgotten where the watch was (410, ${title})`, async (t) => {
      const { kept, counts } = follow(t, {
        list: (_, count) => ({
          items: build(count === 1 ? ['old'] : ['new']),
          metadata: { resourceVersion: String(count) },
        }),
        async *watch(request, count) {
          if (count > 1) yield* never(request)
          const gone = { code: 410, reason: 'Expired', message: 'too old resource version' }
          if (refuse) throw new KubeRefusal(410, gone.reason, gone.message)
          yield { type: 'ERROR', object: gone }
        },
      })
      await waitFor('the new list', () => kept.has('new'))
      assert.equal(kept.has('old'), false)
      assert.equal(counts.lists, 2)
    })

  test('begins again where the last watch ended, and does not ask without a pause a server that ends each at once', async (t) => {
    const versions: unknown[] = []
    const { kept, counts } = follow(t, {
      list: () => ({ items: [], metadata: { resourceVersion: '1' } }),
      async *watch({ query }, count) {
        versions.push(query?.['resourceVersion'])
        yield { type: 'ADDED', object: build([`thing-${count}`], String(10 * count))[0] }
        yield { type: 'BOOKMARK', object: { metadata: { resourceVersion: String(10 * count + 5) } } }
      },
    })
    const began = performance.now()
    await waitFor('some watches', () => counts.watches >= 4)
    assert.ok(performance.now() - began > 400)
    assert.deepEqual(versions.slice(0, 3), ['1', '15', '25'])
    assert.equal(counts.lists, 1)
    assert.ok(kept.has('thing-2'))
  })
})
