import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'

import { createMockApi, type MockApi } from './mock-api.ts'
import { sendWebResponse, toWebRequest } from './node-bridge.ts'
import { buildPageHtml } from './page-html.ts'

export interface MockServer {
  readonly url: string
  readonly api: MockApi
  close(): Promise<void>
}

const staticPrefix = '/hub/static/'
const types: Record<string, string> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}

/** Serves the built portal in `folder` with the mock API, on a free port of this machine. */
export async function startMockServer(folder: string): Promise<MockServer> {
  const api = createMockApi()
  const server = createServer((request, response) => {
    void answer(folder, api, toWebRequest(request, response))
      .catch((error: unknown) => new Response(String(error), { status: 500 }))
      .then((answered) => sendWebResponse(answered, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    api,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(folder: string, api: MockApi, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (pathname.startsWith(staticPrefix)) return sendFile(folder, pathname.slice(staticPrefix.length))
  const answered = await api.answer(request)
  if (answered) return answered
  if (!pathname.startsWith('/hub/'))
    return new Response(`Here the server of a user would answer: ${pathname}`)
  const page = api.page(request)
  if (page instanceof Response) return page
  const template = await readFile(join(folder, 'index.html'), 'utf8')
  return new Response(buildPageHtml(template, page), { headers: { 'content-type': 'text/html' } })
}

async function sendFile(folder: string, name: string): Promise<Response> {
  if (name.includes('..')) return new Response('', { status: 404 })
  const content = await readFile(join(folder, name)).catch(() => undefined)
  if (!content) return new Response('', { status: 404 })
  return new Response(content, { headers: { 'content-type': types[extname(name)] ?? 'text/plain' } })
}
