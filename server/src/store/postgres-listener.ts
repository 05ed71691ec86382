import type { Client } from 'pg'
import type { Logger } from 'pino'

import type { Clock } from '#platform/clock.ts'
import type { Change, ChangeTopic } from './store.ts'

export const notificationChannel = 'atrium_changes'

/** PostgreSQL refuses payloads of 8000 bytes and more. */
const maxPayloadBytes = 7500
const reconnectMs = 250

const everyTopic: readonly ChangeTopic[] = [
  'user',
  'group',
  'role',
  'service',
  'token',
  'session',
  'server',
  'share',
  'job',
  'job-wanted',
  'job-event',
  'job-news',
  'cluster',
  'run',
  'schedule',
  'oauth-client',
  'replica',
  'setting',
]

/** Packs changes into payloads: origin first, so that a replica knows its own. Many changes of a topic become one `*`. */
export function buildNotifications(origin: string, changes: readonly Change[]): readonly string[] {
  const payload = JSON.stringify([origin, ...changes.map(({ topic, key }) => [topic, key])])
  if (Buffer.byteLength(payload) <= maxPayloadBytes) return [payload]
  const topics = new Set(changes.map((change) => change.topic))
  return [JSON.stringify([origin, ...[...topics].map((topic) => [topic, '*'])])]
}

interface ListenerOptions {
  url: string
  origin: string
  clock: Clock
  log: Logger
  publish(changes: readonly Change[]): void
}

/**
 * Hears the other replicas' changes on a connection of its own. Whatever was said while the connection was lost is unknown, so its
 * return is told as a change of everything.
 */
export async function createPostgresListener(options: ListenerOptions): Promise<{ close(): Promise<void> }> {
  const { origin, clock, log, publish } = options
  const stop = new AbortController()
  let client: Client | undefined

  const connect = async () => {
    client = await openClient(options.url)
    client.on('notification', ({ payload }) => publish(parseNotification(payload ?? '[]', origin)))
    client.on('error', (error) => log.warn({ err: error }, 'the change feed lost its connection'))
    client.once('end', () => void reconnect())
    await client.query(`listen ${notificationChannel}`)
  }
  const reconnect = async () => {
    while (!stop.signal.aborted) {
      try {
        await clock.sleep(reconnectMs, { signal: stop.signal })
        await connect()
        publish(everyTopic.map((topic) => ({ topic, key: '*' })))
        return
      } catch (error) {
        if (!stop.signal.aborted) log.warn({ err: error }, 'the change feed could not reconnect')
      }
    }
  }
  await connect()
  return {
    async close() {
      stop.abort()
      await client?.end()
    },
  }
}

async function openClient(url: string): Promise<Client> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url, application_name: 'atrium-changes', keepAlive: true })
  await client.connect()
  return client
}

function parseNotification(payload: string, ownOrigin: string): readonly Change[] {
  const [origin, ...pairs] = JSON.parse(payload) as [string, ...[ChangeTopic, string][]]
  return origin === ownOrigin ? [] : pairs.map(([topic, key]) => ({ topic, key }))
}
