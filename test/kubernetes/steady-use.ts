import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

import { openWebsocket } from '@atrium/server/edge/conformance/websocket-peer.ts'

/** Frames of RFC 6455 section 11.8 that are not text. */
const opcodes = { ping: 9, pong: 10 } as const

export interface Door {
  url: string
  user: string
  token: string
}

/** Somebody whose notebook runs one cell after the other, over one websocket that is never opened again. */
export interface SteadyKernel {
  /** Cells that have run. */
  readonly cells: number
  readonly isClosed: boolean
  stop(): void
}

/** Starts a kernel in the user's server and keeps it busy; `door.url` may be one edge's. */
export async function startSteadyKernel({ url, user, token }: Door): Promise<SteadyKernel> {
  const headers = { authorization: `token ${token}`, 'content-type': 'application/json' }
  const started = await fetch(`${url}/user/${user}/api/kernels`, {
    method: 'POST',
    headers,
    body: '{"name":"python3"}',
  })
  assert.equal(started.status, 201, await started.clone().text())
  const { id } = (await started.json()) as { id: string }
  const peer = await openWebsocket(url, `/user/${user}/api/kernels/${id}/channels`, {
    authorization: headers.authorization,
  })
  let [run, isClosed] = [0, false]
  let cell = buildCell(run)
  peer.onFrame(({ opcode, payload }) => {
    if (opcode === opcodes.ping) peer.send({ opcode: opcodes.pong, payload, isFinal: true })
    const text = payload.toString()
    if (!text.includes('"execute_reply"') || !text.includes(cell.id)) return
    run += 1
    cell = buildCell(run)
    peer.sendText(cell.message)
  })
  void peer.closed.then(() => {
    isClosed = true
  })
  peer.sendText(cell.message)
  return {
    get cells() {
      return run
    },
    get isClosed() {
      return isClosed
    },
    stop: () => peer.close(),
  }
}

/** People and programs that ask all the time, of control planes and of the user's server. */
export interface SteadyLoad {
  readonly answered: number
  /** What failed, in words. */
  readonly failures: readonly string[]
  stop(): Promise<void>
}

/** `admin`: a token that may make users, which is what is written. */
export function startSteadyLoad({ url, user, token }: Door, admin: string): SteadyLoad {
  const name = randomUUID().slice(0, 8)
  const failures: string[] = []
  let [answered, isOver] = [0, false]
  const ask = async (method: string, path: string, secret: string) => {
    const startedMs = performance.now()
    const describe = (what: unknown) =>
      failures.push(`${method} ${path} after ${Math.round(performance.now() - startedMs)} ms: ${what}`)
    try {
      const answer = await fetch(`${url}${path}`, { method, headers: { authorization: `token ${secret}` } })
      const text = await answer.text()
      if (answer.status >= 300) describe(`${answer.status} ${text}`)
      answered += 1
    } catch (error) {
      describe(`${error} ${(error as Error).cause}`)
    }
  }
  const work = async (asking: (turn: number) => Promise<void>) => {
    for (let turn = 0; !isOver; turn++) await asking(turn)
  }
  const done = Promise.all([
    work(() => ask('GET', `/hub/api/users/${user}`, admin)),
    work((turn) => ask('POST', `/hub/api/users/${name}-${turn}`, admin)),
    work(() => ask('GET', `/user/${user}/api/status`, token)),
  ])
  return {
    failures,
    get answered() {
      return answered
    },
    async stop() {
      isOver = true
      await done
    },
  }
}

function buildCell(number: number): { id: string; message: string } {
  const id = randomUUID()
  const header = {
    msg_id: id,
    msg_type: 'execute_request',
    version: '5.3',
    username: 'test',
    session: randomUUID(),
  }
  const content = {
    code: `print(${number})`,
    silent: false,
    store_history: false,
    user_expressions: {},
    allow_stdin: false,
    stop_on_error: true,
  }
  const message = { channel: 'shell', header, parent_header: {}, metadata: {}, content }
  return { id, message: JSON.stringify(message) }
}
