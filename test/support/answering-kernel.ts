import assert from 'node:assert/strict'

import type { HttpBrowser } from '../real-parts/http-browser.ts'
import { type JupyterMessage, openSocket, sendCode } from '../real-parts/jupyter-socket.ts'

const withinMs = 240_000
const mark = 'answer='
/** `answer(value)` gives a value to the test; what a library prints besides is passed over. */
const prelude = `import json
def answer(value):
    print("${mark}" + json.dumps(value) + "$", flush=True)
answer(None)
`

/** A kernel of somebody's notebook server, by the edge. */
export interface NotebookKernel {
  /** Runs Python that ends with \`answer(value)\`; resolves with the value. Rejects with what was raised. */
  run<T>(code: string): Promise<T>
  /** Runs Python that nobody waits for. */
  send(code: string): void
  /** A new connection, after the edge was killed; the kernel is the same. */
  reconnect(): Promise<void>
  close(): void
}

export async function openNotebookKernel(
  browser: HttpBrowser,
  { url, user }: { url: string; user: string },
): Promise<NotebookKernel> {
  // Gives the browser what a POST has to bring.
  await browser.open(`/user/${user}/lab`)
  const started = await browser.call(`/user/${user}/api/kernels`, {
    method: 'POST',
    body: '{"name":"python3"}',
  })
  assert.equal(started.status, 201, started.text)
  const { id } = JSON.parse(started.text) as { id: string }
  const connect = () => openSocket(browser, url, `/user/${user}/api/kernels/${id}/channels`)
  let socket = await connect()
  const run = async <T>(code: string): Promise<T> => {
    const sent = sendCode(socket, code)
    const find = (matches: (message: JupyterMessage) => boolean) =>
      socket.find((text) => {
        const message = JSON.parse(text) as JupyterMessage
        return message.parent_header.msg_id === sent && matches(message)
      }, withinMs)
    const reply = JSON.parse(await find(({ msg_type }) => msg_type === 'execute_reply')) as JupyterMessage
    const { status, ename, evalue, traceback } = reply.content
    if (status !== 'ok') throw new Error(`${ename}: ${evalue}\n${String(traceback)}`)
    const printed = await find(
      ({ msg_type, content }) => msg_type === 'stream' && String(content['text']).includes(mark),
    )
    const { content } = JSON.parse(printed) as JupyterMessage
    const [, rest = ''] = String(content['text']).split(mark)
    return JSON.parse(rest.slice(0, rest.lastIndexOf('$'))) as T
  }
  await run(prelude)
  return {
    run,
    send: (code) => void sendCode(socket, code),
    async reconnect() {
      socket.close()
      socket = await connect()
    },
    close: () => socket.close(),
  }
}
