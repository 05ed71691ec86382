import { setTimeout as sleep } from 'node:timers/promises'

import { callHub, type HubUnderTest } from './hub-under-test.ts'

/** A start that takes longer counts as broken. */
const startWithinMs = 240_000

type Hub = Pick<HubUnderTest, 'url' | 'adminToken'>

/** Asks for a named server; answers when the hub has taken the request. */
export async function requestServer(hub: Hub, user: string, name: string): Promise<void> {
  const path = `/hub/api/users/${user}/servers/${name}`
  await callHub(hub, 'POST', path, { body: {}, expect: [201, 202] })
}

/** Resolves when the server is ready, as the progress stream tells. */
export async function startServer(hub: Hub, user: string, name: string): Promise<void> {
  await requestServer(hub, user, name)
  const response = await fetch(`${hub.url}/hub/api/users/${user}/servers/${name}/progress`, {
    headers: { authorization: `token ${hub.adminToken}` },
    signal: AbortSignal.timeout(startWithinMs),
  })
  if (response.body === null) throw new Error('no progress stream')
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (/"ready": ?true/.test(text)) return
    if (/"failed": ?true/.test(text)) throw new Error(`${name} failed: ${text.slice(-500)}`)
  }
  throw new Error(`the progress stream of ${name} ended early: ${text.slice(-500)}`)
}

/** Resolves when the server is gone. */
export async function stopServer(hub: Hub, user: string, name: string): Promise<void> {
  const path = `/hub/api/users/${user}/servers/${name}`
  await callHub(hub, 'DELETE', path, { body: { remove: true }, expect: [202, 204] })
  for (;;) {
    const model = (await callHub(hub, 'GET', `/hub/api/users/${user}?include_stopped_servers`)) as {
      servers: Record<string, unknown>
    }
    if (!(name in model.servers)) return
    await sleep(50)
  }
}

/** Names of the user's servers that are ready. */
export async function listReadyServers(hub: Hub, user: string): Promise<readonly string[]> {
  const model = (await callHub(hub, 'GET', `/hub/api/users/${user}`)) as {
    servers: Record<string, { ready: boolean }>
  }
  return Object.entries(model.servers).flatMap(([name, { ready }]) => (ready ? [name] : []))
}
