import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, test } from 'node:test'
import { inspect } from 'node:util'

import { createFakeClock } from '#platform/fake-clock.ts'
import { createRestClient } from './rest-client.ts'
import { RestFailure } from './rest-failure.ts'
import { createRestTransport } from './rest-transport.ts'
import { type SlurmClient, SlurmRefusal, type SlurmSubmission } from './slurm-client.ts'

interface Seen {
  method: string
  url: string
  user: string
  token: string
  body: unknown
}

type Answer = { status?: number; json?: unknown; text?: string } | ((response: ServerResponse) => void)

const submission: SlurmSubmission = {
  owner: { login: 'alice', uid: 2001, gid: 2001 },
  name: 'atrium-server',
  comment: 'atrium site server-a-1',
  command: ['/usr/bin/python3', 'server-a-1'],
  arraySize: 1,
  tasks: 1,
  exclusive: false,
}
const wait = { signal: new AbortController().signal }
const denied = { status: 401, text: 'Authentication failure' }

/** A slurmrestd of these versions that answers as told, in order for a path asked several times; else with nothing. */
async function startRest(
  versions: readonly number[],
  answers: Readonly<Record<string, Answer | Answer[]>> = {},
  where?: string,
) {
  const seen: Seen[] = []
  const asked = new Map<string, number>()
  const paths = versions.flatMap((version) => [
    `/slurm/v0.0.${version}/jobs`,
    `/slurmdb/v0.0.${version}/jobs`,
  ])
  const openapi: Answer = { json: { paths: Object.fromEntries(paths.map((path) => [path, {}])) } }
  const reply = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = request
    const body = await text(request)
    const [user, token] = [headers['x-slurm-user-name'], headers['x-slurm-user-token']].map(String)
    seen.push({
      method,
      url,
      user: user ?? '',
      token: token ?? '',
      body: body === '' ? undefined : JSON.parse(body),
    })
    const name = `${method} ${url.replace(/^\/(slurm|slurmdb)\/v0\.0\.\d+/, '').split('?')[0]}`
    const turn = asked.get(name) ?? 0
    asked.set(name, turn + 1)
    const told: Answer | Answer[] = answers[name] ?? (url === '/openapi/v3' ? openapi : { json: {} })
    const answer = Array.isArray(told) ? (told[Math.min(turn, told.length - 1)] ?? {}) : told
    if (typeof answer === 'function') return answer(response)
    response.statusCode = answer.status ?? 200
    response.end(answer.text ?? JSON.stringify(answer.json ?? {}))
  }
  const server = createServer((request, response) => void reply(request, response))
  running.push(server)
  await new Promise<void>((resolve) =>
    where === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(where, resolve),
  )
  const url =
    where === undefined ? `http://127.0.0.1:${(server.address() as AddressInfo).port}` : `unix:${where}`
  return { url, seen, client: buildClient(url) }
}

const running: Server[] = []

function buildClient(url: string, timeoutMs = 60_000): SlurmClient {
  let made = 0
  return createRestClient({
    transport: createRestTransport({ url, timeoutMs }),
    tokens: {
      hint: 'look there',
      headersFor: async (login, { fresh = false } = {}) => {
        if (fresh || made === 0) made += 1
        return { 'X-SLURM-USER-NAME': login, 'X-SLURM-USER-TOKEN': `token-${made}` }
      },
    },
    reader: 'atrium',
    findUid: async (login) => (login === 'alice' ? 2001 : undefined),
    clock: createFakeClock(),
  })
}

const isFailure = (expected: { mayHaveArrived: boolean }, pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof RestFailure, String(error))
  assert.equal(error.mayHaveArrived, expected.mayHaveArrived)
  assert.match(error.message, pattern)
  // It will be logged as it is.
  assert.doesNotMatch(inspect(error, { depth: 10, showHidden: true }), /token-\d/)
  return true
}

describe('Slurm REST: the client', () => {
  afterEach(() => {
    for (const server of running.splice(0)) {
      server.closeAllConnections()
      server.close()
    }
  })

  test('asks for the versions once, and looks at all jobs by one question', async () => {
    const { client, seen } = await startRest([38, 39], {
      'GET /jobs': { json: { jobs: [{ job_id: 5, job_state: 'RUNNING', user_id: 2001 }] } },
      'GET /ping': { json: { meta: { Slurm: { release: '22.05.8' } } } },
    })
    const [job] = await client.listJobs(wait)
    assert.deepEqual([job?.ref, job?.states, job?.uid], ['5', ['RUNNING'], 2001])
    assert.equal(await client.version(wait), '22.05.8')
    await client.listNodes(wait)
    assert.deepEqual(
      seen.map(({ url, user }) => [url, user]),
      [
        ['/openapi/v3', 'atrium'],
        ['/slurm/v0.0.38/jobs', 'atrium'],
        ['/slurm/v0.0.38/ping', 'atrium'],
        ['/slurm/v0.0.38/nodes', 'atrium'],
      ],
    )
  })

  test('submits as the owner', async () => {
    const { client, seen } = await startRest([41], { 'POST /job/submit': { json: { job_id: 77 } } })
    assert.equal(await client.submit(submission, wait), 77)
    const [, { method, url, user, body } = { method: '', url: '', user: '', body: {} }] = seen
    assert.deepEqual([method, url, user], ['POST', '/slurm/v0.0.41/job/submit', 'alice'])
    assert.match(JSON.stringify(body), /server-a-1/)
  })

  test('a warning beside an id is none', async () => {
    const warned = { status: 500, json: { job_id: 8, errors: [{ error_code: 2015, error: 'busy' }] } }
    const { client } = await startRest([38], { 'POST /job/submit': warned })
    assert.equal(await client.submit(submission, wait), 8)
  })

  test("Slurm's no is a refusal", async () => {
    const no = { status: 500, json: { errors: [{ error_code: 2066, error: 'Invalid qos specification' }] } }
    const { client } = await startRest([38], { 'POST /job/submit': no })
    await assert.rejects(client.submit(submission, wait), (error) => error instanceof SlurmRefusal)
  })

  test('a token that is turned away is made anew, once', async () => {
    const { client, seen } = await startRest([38], {
      'GET /openapi/v3': [denied, { json: { paths: { '/slurm/v0.0.38/jobs': {} } } }],
      'POST /job/submit': [denied, { json: { job_id: 9 } }],
      'GET /jobs': denied,
    })
    assert.equal(await client.submit(submission, wait), 9)
    assert.deepEqual(
      seen.map(({ token }) => token),
      ['token-1', 'token-2', 'token-2', 'token-3'],
    )
    await assert.rejects(client.listJobs(wait), isFailure({ mayHaveArrived: false }, /our token.*look there/))
    assert.equal(seen.length, 6)
  })

  test('what Slurm may have heard is not said again', async () => {
    const silent = {
      status: 500,
      json: { errors: [{ error_code: 5005, error: 'Zero Bytes were received' }] },
    }
    const { client, seen } = await startRest([38], { 'POST /job/submit': silent, 'GET /jobs': silent })
    await assert.rejects(client.submit(submission, wait), isFailure({ mayHaveArrived: true }, /look there/))
    assert.equal(seen.filter(({ method }) => method === 'POST').length, 1)
    // A question can be asked again with another token.
    await assert.rejects(client.listJobs(wait), isFailure({ mayHaveArrived: true }, /Zero Bytes/))
    assert.equal(seen.filter(({ url }) => url.endsWith('/jobs')).length, 2)
  })

  test('ends jobs one by one where it must; what has gone is no error', async () => {
    const gone = {
      status: 500,
      json: { errors: [{ error_number: 2017, error: 'Invalid job id specified' }] },
    }
    const { client, seen } = await startRest([38], { 'DELETE /job/6_1': gone })
    await client.cancel(submission.owner, ['5', '6_1', '6_2'], { ...wait, how: 'end' })
    assert.deepEqual(
      seen
        .slice(1)
        .map(({ method, url, user }) => [method, url, user])
        .sort(),
      [
        ['DELETE', '/slurm/v0.0.38/job/5', 'alice'],
        ['DELETE', '/slurm/v0.0.38/job/6_1', 'alice'],
        ['DELETE', '/slurm/v0.0.38/job/6_2', 'alice'],
      ],
    )
    await client.cancel(submission.owner, [], { ...wait, how: 'end' })
    assert.equal(seen.length, 4)
  })

  test('ends jobs in bulk where it can, the batch script first when they are killed', async () => {
    const { client, seen } = await startRest([44])
    await client.cancel(submission.owner, ['5', '6_1'], { ...wait, how: 'kill' })
    assert.deepEqual(seen.slice(1), [
      {
        ...{ method: 'DELETE', url: '/slurm/v0.0.44/jobs/', user: 'alice', token: 'token-1' },
        body: { jobs: ['5', '6_1'], signal: 'KILL', flags: ['BATCH_JOB'] },
      },
      {
        ...{ method: 'DELETE', url: '/slurm/v0.0.44/jobs/', user: 'alice', token: 'token-1' },
        body: { jobs: ['5', '6_1'] },
      },
    ])
  })

  test("another's job is not ended", async () => {
    const no = { json: { errors: [{ error_number: 2002, error: 'Access/permission denied' }] } }
    const { client } = await startRest([38], { 'DELETE /job/5': no })
    await assert.rejects(
      client.cancel(submission.owner, ['5'], { ...wait, how: 'end' }),
      (error) => error instanceof SlurmRefusal,
    )
  })

  test('asks accounting for many jobs in parts, and knows whose they are', async () => {
    const ended = {
      json: {
        jobs: [
          { job_id: 1, user: 'alice' },
          { job_id: 2, user: 'strange' },
        ],
      },
    }
    const { client, seen } = await startRest([41], { 'GET /jobs/': ended })
    const refs = Array.from({ length: 450 }, (_, index) => String(index + 1))
    const jobs = await client.listEnded(refs, wait)
    assert.deepEqual(
      jobs.slice(0, 2).map(({ uid }) => uid),
      [2001, -1],
    )
    assert.equal(seen.length, 4)
    assert.match(seen[1]?.url ?? '', /^\/slurmdb\/v0\.0\.41\/jobs\/\?skip_steps=true&step=1&step=2&step=3&/)
    const classic = await startRest([38], { 'GET /jobs': ended })
    await classic.client.listEnded(['1', '2_3'], wait)
    assert.match(classic.seen[1]?.url ?? '', /\?skip_steps=true&step=1%2C2_3$/)
  })

  test('a question that is refused may be answered elsewhere', async () => {
    const no = { status: 500, json: { errors: [{ error_number: 9000, error: 'Query empty' }] } }
    const { client } = await startRest([41], { 'GET /jobs/': no })
    await assert.rejects(
      client.listEnded(['1'], wait),
      (error) => error instanceof RestFailure && error.isForThisOnly,
    )
  })

  test('a list that was cut would make jobs of ours disappear', async () => {
    const list = (comment: string) => ({
      json: { jobs: [{ job_id: 1, array_job_id: 1, comment, array_task_string: '1,3,5,...' }] },
    })
    const { client } = await startRest([38], { 'GET /jobs': [list('atrium a k'), list('another')] })
    await assert.rejects(client.listJobs(wait), isFailure({ mayHaveArrived: false }, /SLURM_BITSTR_LEN=0/))
    await client.listJobs(wait)
  })

  test('another version after an upgrade is found', async () => {
    const { client, seen } = await startRest([38], {
      'GET /openapi/v3': [
        { json: { paths: { '/slurm/v0.0.38/jobs': {} } } },
        { json: { paths: { '/slurm/v0.0.41/jobs/': {} } } },
      ],
      'GET /jobs': { status: 404, text: 'Unable find requested URL' },
    })
    await assert.rejects(client.listJobs(wait), isFailure({ mayHaveArrived: false }, /404/))
    await client.listJobs(wait)
    assert.equal(seen.at(-1)?.url, '/slurm/v0.0.41/jobs/')
  })

  test('nobody there: nothing has arrived', async () => {
    const { client, url } = await startRest([38])
    await client.listJobs(wait)
    for (const server of running.splice(0)) server.close()
    await assert.rejects(
      buildClient(url).listJobs(wait),
      isFailure({ mayHaveArrived: false }, /ECONNREFUSED/),
    )
    const absent = buildClient('unix:/nonexistent/socket')
    await assert.rejects(absent.listJobs(wait), isFailure({ mayHaveArrived: false }, /ENOENT/))
  })

  test('an answer that breaks off or does not come: it may have arrived', async () => {
    const { client, url } = await startRest([38], {
      'POST /job/submit': (response) => response.socket?.destroy(),
      'GET /nodes': () => {},
    })
    await assert.rejects(
      client.submit(submission, wait),
      isFailure({ mayHaveArrived: true }, /socket hang up/),
    )
    const impatient = buildClient(url, 300)
    await assert.rejects(impatient.listNodes(wait), isFailure({ mayHaveArrived: true }, /too long/))
    const controller = new AbortController()
    const waiting = client.listNodes({ signal: controller.signal })
    controller.abort(new Error('no more'))
    await assert.rejects(waiting, /no more/)
  })

  test('of two answers to one question the first counts, and nothing that stands behind one', async () => {
    const first = JSON.stringify({
      errors: [{ error_number: 2000, error: 'Invalid partition name specified' }],
    })
    const head = (length: number) =>
      `HTTP/1.1 422 UNPROCESSABLE CONTENT\r\nConnection: Close\r\nContent-Length: ${length}\r\n\r\n`
    const { client } = await startRest([45], {
      'POST /job/submit': (response) =>
        response.socket?.end(`${head(first.length)}${first}${head(7)}Invalid`),
    })
    await assert.rejects(
      client.submit(submission, wait),
      (error) => error instanceof SlurmRefusal && error.message === 'Invalid partition name specified',
    )
  })

  test('a socket of this machine', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'atrium-rest-'))
    const { client, seen } = await startRest([38], {}, join(folder, 'socket'))
    await client.listJobs(wait)
    assert.equal(seen.length, 2)
    rmSync(folder, { recursive: true })
  })
})
