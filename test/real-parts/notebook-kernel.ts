import type { HttpBrowser } from './http-browser.ts'
import { type JupyterMessage, openKernel, sendCode, type TestSocket } from './jupyter-socket.ts'

const runMs = 120_000

/** A kernel of somebody's default server, as a notebook uses it. */
export interface NotebookKernel {
  /** Runs a cell and answers all the text that it printed or showed, of engines too. Throws with the traceback when it raised. */
  run(code: string): Promise<string>
  close(): void
}

/** Starts one. `browser`: signed in to the server already. */
export async function startKernel(
  browser: HttpBrowser,
  origin: string,
  user: string,
): Promise<NotebookKernel> {
  const socket = await openKernel(browser, origin, user)
  return {
    run: (code) => runCell(socket, code),
    close: () => socket.close(),
  }
}

/** Printed text comes before the kernel says that it is idle again, which is looked at message by message. */
async function runCell(socket: TestSocket, code: string): Promise<string> {
  const id = sendCode(socket, code)
  const printed: string[] = []
  const seen = new Set<string>()
  let reply: JupyterMessage | undefined
  let isIdle = false
  while (!(reply && isIdle)) {
    await socket.find((text) => {
      if (seen.has(text)) return false
      const message = JSON.parse(text) as JupyterMessage
      if (message.parent_header.msg_id !== id) return false
      seen.add(text)
      printed.push(readText(message))
      if (message.msg_type === 'execute_reply') reply = message
      if (message.msg_type === 'status') isIdle ||= message.content['execution_state'] === 'idle'
      return true
    }, runMs)
  }
  if (reply.content['status'] === 'ok') return printed.join('')
  throw new Error(`${printed.join('')}\n${JSON.stringify(reply.content)}`)
}

function readText({ msg_type: type, content }: JupyterMessage): string {
  if (type === 'stream') return String(content['text'])
  if (!['display_data', 'update_display_data'].includes(type)) return ''
  return String((content['data'] as Record<string, unknown>)['text/plain'])
}
