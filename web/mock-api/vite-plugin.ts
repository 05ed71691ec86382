import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plugin, ViteDevServer } from 'vite'

import { createMockApi, type MockApi } from './mock-api.ts'
import { sendWebResponse, toWebRequest } from './node-bridge.ts'
import { buildPageHtml } from './page-html.ts'

/** `npm run dev -w web`: the portal with the mock API behind it. Sign in as `ada` (administrator) or `alice` with any password. */
export function serveMockApi(base: string): Plugin {
  return {
    name: 'atrium-mock-api',
    apply: 'serve',
    configureServer(server) {
      const api = createMockApi()
      server.middlewares.use((request, response, next) => {
        // Vite's own base middleware has no say here: it stands after this one.
        const path = request.url ?? '/'
        if (path.startsWith(base)) return next()
        answer(server, api, toWebRequest(request, response))
          .then((answered) => sendWebResponse(answered, response))
          .catch(next)
      })
    },
  }
}

async function answer(server: ViteDevServer, api: MockApi, request: Request): Promise<Response> {
  const answered = await api.answer(request)
  if (answered) return answered
  const { pathname } = new URL(request.url)
  if (pathname === '/') return Response.redirect(new URL('/hub/home', request.url))
  if (!pathname.startsWith('/hub/')) return new Response('Here a server of a user would answer.')
  const page = api.page(request)
  if (page instanceof Response) return page
  const template = await readFile(join(server.config.root, 'index.html'), 'utf8')
  const html = await server.transformIndexHtml(pathname, template)
  return new Response(buildPageHtml(html, page), { headers: { 'content-type': 'text/html' } })
}
