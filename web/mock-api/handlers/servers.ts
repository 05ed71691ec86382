import type { HubProgress } from '@atrium/contract/hub-models.ts'
import type { ServerDetails } from '@atrium/contract/servers.ts'

import { describeServer, listLogLines, listProfiles, startScript, stateOf } from '#mock-api/mock-servers.ts'
import type { MockServer } from '#mock-api/mock-state.ts'
import { MockError, type MockRequest, type MockRoutes } from '#mock-api/router.ts'
import { findServer, findUser } from './find.ts'

/** Profiles, servers, their progress and logs. */
export const serverRoutes: MockRoutes = {
  'GET /api/v1/profiles': ({ url }) => listProfiles(url.searchParams),
  'GET /api/v1/servers/:user': listServers,
  'GET /api/v1/servers/:user/:server/log': streamLog,
  'POST /api/v1/servers/:user/:server/keep-running': keepRunning,
  'POST /hub/api/users/:user/server': startServer,
  'DELETE /hub/api/users/:user/server': stopServer,
  'POST /hub/api/users/:user/servers/:server': startServer,
  'DELETE /hub/api/users/:user/servers/:server': stopServer,
  'GET /hub/api/users/:user/server/progress': streamProgress,
  'GET /hub/api/users/:user/servers/:server/progress': streamProgress,
}

function listServers(request: MockRequest): ServerDetails[] {
  const user = findUser(request)
  const standard: MockServer = { name: '', queuedMs: 0, startingMs: 900, fails: false }
  const servers = user.servers.some(({ name }) => name === '') ? user.servers : [standard, ...user.servers]
  return servers.map((server) => describeServer(user, server, request.nowMs))
}

/** Answers, as the platform does, when the start is over, or at once if that is preferred. */
async function startServer(request: MockRequest): Promise<Response> {
  const { server } = findServer(request)
  const state = stateOf(server, request.nowMs)
  if (state !== 'stopped' && state !== 'failed') {
    throw new MockError(400, 'conflict', 'This server is running or starting already.')
  }
  delete server.stopAskedAtMs
  Object.assign(server, startScript(String(request.body['profile'] ?? 'small'), request.nowMs))
  if (typeof request.body['account'] === 'string') server.account = request.body['account']
  if (request.headers.get('prefer') === 'respond-async') return new Response(null, { status: 202 })
  while (isStarting(server)) await new Promise((resolve) => setTimeout(resolve, tickMs))
  return new Response(null, { status: 201 })
}

function isStarting(server: MockServer): boolean {
  return ['queued', 'starting'].includes(stateOf(server, Date.now()))
}

function stopServer(request: MockRequest): Response {
  const { user, server } = findServer(request)
  if (request.body['remove']) user.servers = user.servers.filter((each) => each !== server)
  else server.stopAskedAtMs = request.nowMs
  return new Response(null, { status: 202 })
}

function keepRunning(request: MockRequest): undefined {
  const { server } = findServer(request)
  server.idle = {
    ...server.idle,
    warned: false,
    keepUntilMs: request.nowMs + 3_600_000,
    reasons: [{ text: 'Somebody asked to keep it running.', atMs: request.nowMs }],
  }
}

const steps: readonly HubProgress[] = [
  { progress: 5, message: 'Asked for' },
  { progress: 20, message: 'Given to the scheduler' },
  { progress: 45, message: 'Running on node-1' },
  { progress: 80, message: 'Waiting for JupyterLab to answer' },
]

function streamProgress(request: MockRequest): Response {
  const { server, user } = findServer(request)
  return streamText('text/event-stream', request.signal, (sent) => {
    const state = stateOf(server, Date.now())
    const step = state === 'queued' ? 2 : steps.length
    const next = sent < step ? steps[sent] : undefined
    if (next) return { text: `data: ${JSON.stringify(next)}\n\n` }
    if (state === 'queued' || state === 'starting') return {}
    const url = describeServer(user, server, Date.now()).url
    const last: HubProgress =
      state === 'running'
        ? { progress: 100, ready: true, message: 'Ready', url }
        : { progress: 100, failed: true, message: 'It exited before it answered.' }
    return { text: `data: ${JSON.stringify(last)}\n\n`, isLast: true }
  })
}

function streamLog(request: MockRequest): Response {
  const { server } = findServer(request)
  return streamText('text/plain', request.signal, (sent) => {
    const line = listLogLines(server, Date.now())[sent]
    if (line) return { text: `${line}\n` }
    const state = stateOf(server, Date.now())
    return { isLast: state !== 'queued' && state !== 'starting' }
  })
}

const tickMs = 60

/** Asks `next` for the text that follows `sent` pieces, until it says that was the last. */
export function streamText(
  contentType: string,
  signal: AbortSignal,
  next: (sent: number) => { text?: string; isLast?: boolean },
): Response {
  const encoder = new TextEncoder()
  let sent = 0
  let timer: NodeJS.Timeout
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      timer = setInterval(() => {
        const { text, isLast } = next(sent)
        if (text) controller.enqueue(encoder.encode(text))
        if (text) sent += 1
        if (!isLast) return
        clearInterval(timer)
        controller.close()
      }, tickMs)
      signal.addEventListener('abort', () => clearInterval(timer))
    },
    cancel() {
      clearInterval(timer)
    },
  })
  return new Response(body, { headers: { 'content-type': contentType, 'cache-control': 'no-cache' } })
}
