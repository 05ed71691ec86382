import { buildRequest, type HttpConnection, openConnection } from '../http-connection.ts'
import { runLoad } from '../load.ts'
import { readProportionalMegabytes, readResidentMegabytes, untilQuiet } from '../processes.ts'
import type { Figures } from './figures.ts'
import { callHub, type HubUnderTest } from './hub-under-test.ts'

const manyUsers = 1000
const largestPage = 200
const listings = 10
/** Before a load is measured: figures are of a hub in use, not of a compiler at work. */
const warmUpMs = 2000
const loadMs = 3000
const burst = 200
const logins = 30
const servers = 100

/** What can be measured on a hub without users' servers. Leaves 1,000 users behind. */
export async function measureApi(hub: HubUnderTest): Promise<Figures> {
  const authorization = { authorization: `token ${hub.adminToken}` }
  const figures: Figures = { 'start-up to the first answer': hub.startUpMs }
  await untilQuiet()
  figures['RSS idle, all processes'] = readResidentMegabytes(await hub.pids())
  figures['PSS idle, all processes'] = readProportionalMegabytes(await hub.pids())
  figures['sign in by password'] = await measureLogins(hub)
  figures[`create ${manyUsers} users, one by one`] = await measureUserCreation(hub)
  figures[`RSS with ${manyUsers} users`] = readResidentMegabytes(await hub.pids())
  figures[`PSS with ${manyUsers} users`] = readProportionalMegabytes(await hub.pids())
  figures[`list all ${manyUsers} users`] = await measureListing(hub)
  const user = await createUserToken(hub, 'bench-user-0')
  const asUser = {
    url: `${hub.url}/hub/api/user`,
    headers: { authorization: `token ${user}` },
    connections: 32,
  }
  await runLoad({ ...asUser, durationMs: warmUpMs })
  const load = await runLoad({ ...asUser, durationMs: loadMs })
  assertOnly200(load.statuses)
  figures['GET /hub/api/user, c=32'] = load.requestsPerSecond
  const parallel = await runLoad({
    url: `${hub.url}/hub/api/users/bench-user-0`,
    headers: authorization,
    connections: burst,
    requests: burst * 5,
  })
  assertOnly200(parallel.statuses)
  figures[`${burst} parallel GETs, p99`] = parallel.p99Ms
  return figures
}

/** A click on "start" to the real JupyterLab answering, for a user whose server never ran and again. */
export async function measureLab(hub: HubUnderTest): Promise<Figures> {
  await callHub(hub, 'POST', '/hub/api/users/alice')
  await untilQuiet()
  const first = await measureStart(hub, 'alice')
  await stopServer(hub, 'alice')
  await untilQuiet()
  const second = await measureStart(hub, 'alice')
  await stopServer(hub, 'alice')
  return { 'real JupyterLab ready, first start': first, 'real JupyterLab ready, next start': second }
}

/** Many starts of a trivial server at once, until the last one is ready. */
export async function measureManyStarts(hub: HubUnderTest): Promise<Figures> {
  const names = Array.from({ length: servers }, (_, index) => `many-${index}`)
  await callHub(hub, 'POST', '/hub/api/users', { body: { usernames: names } })
  await untilQuiet()
  const started = performance.now()
  await Promise.all(names.map((name) => startServer(hub, name)))
  const elapsed = performance.now() - started
  await Promise.all(names.map((name) => stopServer(hub, name)))
  return { [`${servers} trivial servers at once`]: elapsed / 1000 }
}

async function measureLogins(hub: HubUnderTest): Promise<number> {
  const started = performance.now()
  for (let login = 0; login < logins; login++) await hub.signIn('admin')
  return (performance.now() - started) / logins
}

async function measureUserCreation(hub: HubUnderTest): Promise<number> {
  const connection = await openConnection(new URL(hub.url))
  const started = performance.now()
  for (let user = 0; user < manyUsers; user++)
    await callOn(connection, hub, 'POST', `/hub/api/users/bench-user-${user}`)
  const elapsed = performance.now() - started
  connection.close()
  return elapsed / 1000
}

/** By pages of the largest size that JupyterHub allows: the mean of several listings after a first one. */
async function measureListing(hub: HubUnderTest): Promise<number> {
  const connection = await openConnection(new URL(hub.url))
  await listUsers(connection, hub)
  const started = performance.now()
  for (let listing = 0; listing < listings; listing++) await listUsers(connection, hub)
  const elapsed = performance.now() - started
  connection.close()
  return elapsed / listings
}

async function listUsers(connection: HttpConnection, hub: HubUnderTest): Promise<void> {
  const names = new Set<string>()
  for (let offset = 0; ; offset += largestPage) {
    const path = `/hub/api/users?offset=${offset}&limit=${largestPage}`
    const page = (await callOn(connection, hub, 'GET', path)) as { name: string }[]
    for (const { name } of page) names.add(name)
    if (page.length < largestPage) break
  }
  if (names.size < manyUsers) throw new Error('the list of users is not whole')
}

async function callOn(
  connection: HttpConnection,
  hub: HubUnderTest,
  method: string,
  path: string,
): Promise<unknown> {
  const headers = { authorization: `token ${hub.adminToken}` }
  const { status, body } = await connection.exchange(
    buildRequest(method, new URL(path, hub.url), { headers }),
  )
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${body}`)
  return JSON.parse(body.toString())
}

async function createUserToken(hub: HubUnderTest, user: string): Promise<string> {
  const created = (await callHub(hub, 'POST', `/hub/api/users/${user}/tokens`, {
    body: { note: 'bench' },
  })) as { token: string }
  return created.token
}

async function measureStart(hub: HubUnderTest, user: string): Promise<number> {
  const started = performance.now()
  await startServer(hub, user)
  return performance.now() - started
}

/** Resolves when the server is ready, as the progress stream tells. */
export async function startServer(hub: HubUnderTest, user: string): Promise<void> {
  await callHub(hub, 'POST', `/hub/api/users/${user}/server`, { body: {}, expect: [201, 202] })
  const response = await fetch(`${hub.url}/hub/api/users/${user}/server/progress`, {
    headers: { authorization: `token ${hub.adminToken}` },
  })
  if (response.body === null) throw new Error('no progress stream')
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (/"ready": ?true/.test(text)) return
    if (/"failed": ?true/.test(text)) throw new Error(`${user}'s server failed: ${text.slice(-500)}`)
  }
  throw new Error(`the progress stream of ${user} ended early: ${text.slice(-500)}`)
}

async function stopServer(hub: HubUnderTest, user: string): Promise<void> {
  await callHub(hub, 'DELETE', `/hub/api/users/${user}/server`, { expect: [202, 204] })
  for (;;) {
    const model = (await callHub(hub, 'GET', `/hub/api/users/${user}`)) as {
      servers: object
      pending: unknown
    }
    if (Object.keys(model.servers).length === 0 && model.pending === null) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function assertOnly200(statuses: Readonly<Record<number, number>>): void {
  const others = Object.keys(statuses).filter((status) => status !== '200')
  if (others.length > 0) throw new Error(`not only 200: ${JSON.stringify(statuses)}`)
}
