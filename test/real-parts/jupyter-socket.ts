import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

import { WebSocket } from 'undici'

import type { HttpBrowser } from './http-browser.ts'

/** A message of Jupyter's protocol, the parts that tests look at. */
export interface JupyterMessage {
  channel: string
  msg_type: string
  parent_header: { msg_id?: string }
  content: Record<string, unknown>
}

/** A websocket that keeps what came, so that nothing is missed between two looks. */
export interface TestSocket {
  send(text: string): void
  /** Resolves with the first message, old or new, for which `matches` is true. */
  find(matches: (text: string) => boolean, deadlineMs?: number): Promise<string>
  close(): void
}

/** A new Python kernel of the person's server, and the socket of its channels, by the edge. `url`: the platform's. */
export async function openKernel(browser: HttpBrowser, url: string, user: string): Promise<TestSocket> {
  const kernels = `/user/${user}/api/kernels`
  const started = await browser.call(kernels, { method: 'POST', body: '{"name":"python3"}' })
  assert.equal(started.status, 201, started.text)
  const { id } = JSON.parse(started.text) as { id: string }
  return openSocket(browser, url, `${kernels}/${id}/channels`)
}

/** Opens a websocket with a browser's cookies. Rejects with the server's refusal. */
export async function openSocket(browser: HttpBrowser, origin: string, path: string): Promise<TestSocket> {
  const url = new URL(path, origin)
  url.protocol = 'ws:'
  const socket = new WebSocket(url, {
    headers: { cookie: browser.cookieHeader(url.pathname), origin, 'sec-fetch-mode': 'websocket' },
  })
  const seen: string[] = []
  const waiting = new Set<() => void>()
  socket.addEventListener('message', ({ data }) => {
    seen.push(String(data))
    for (const look of waiting) look()
  })
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true })
    socket.addEventListener('error', (event) => reject(event.error ?? new Error(`no websocket at ${path}`)), {
      once: true,
    })
  })
  return {
    send: (text) => socket.send(text),
    find: (matches, deadlineMs = 30_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look)
          reject(new Error(`the message did not come; seen: ${seen.join('\n').slice(-2000)}`))
        }, deadlineMs)
        const look = () => {
          const found = seen.find(matches)
          if (found === undefined) return
          clearTimeout(timer)
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      }),
    close: () => socket.close(),
  }
}

/** Has a kernel run code, and answers the message's id without waiting for anything. */
export function sendCode(socket: TestSocket, code: string): string {
  const id = randomUUID()
  const message = {
    channel: 'shell',
    header: {
      msg_id: id,
      msg_type: 'execute_request',
      version: '5.3',
      username: 'test',
      session: randomUUID(),
    },
    parent_header: {},
    metadata: {},
    content: {
      code,
      silent: false,
      store_history: false,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: true,
    },
  }
  socket.send(JSON.stringify(message))
  return id
}

/** Runs code in a kernel and answers what it printed. Throws when it raised. */
export async function executeCode(socket: TestSocket, code: string): Promise<string> {
  const id = sendCode(socket, code)
  const isOurs = (text: string, type: string) => {
    const answer = JSON.parse(text) as JupyterMessage
    return answer.parent_header.msg_id === id && answer.msg_type === type
  }
  const reply = JSON.parse(
    await socket.find((text) => isOurs(text, 'execute_reply'), 60_000),
  ) as JupyterMessage
  if (reply.content['status'] !== 'ok') throw new Error(JSON.stringify(reply.content))
  const output = JSON.parse(await socket.find((text) => isOurs(text, 'stream'))) as JupyterMessage
  return String(output.content['text'])
}
