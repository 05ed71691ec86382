import type { HubProgress } from '@atrium/contract/hub-models.ts'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useEffectEvent, useState } from 'react'

import { endpoints } from './endpoints.ts'
import { ApiError, requestStream } from './http.ts'
import { pause } from './pause.ts'
import { readEvents } from './read-events.ts'
import type { ServerId } from './servers.ts'

const retryMs = 500

/** What the stream of a start has said so far; follows it to its end. */
export function useStartProgress({ user, name }: ServerId, onReady: () => void): readonly HubProgress[] {
  const client = useQueryClient()
  const [events, setEvents] = useState<readonly HubProgress[]>([])
  const tellReady = useEffectEvent(onReady)
  useEffect(() => {
    const stop = new AbortController()
    const servers = { queryKey: ['servers', user] }
    const show = (events: readonly HubProgress[]) => {
      if (events.at(-1)?.ready) tellReady()
      setEvents(events)
      void client.invalidateQueries(servers, { cancelRefetch: false })
    }
    followStart({ user, name }, show, stop.signal)
      .catch(() => undefined)
      .finally(() => client.invalidateQueries(servers))
    return () => stop.abort()
  }, [user, name, client])
  return events
}

/** The stream replays from the first line whenever it is opened, so a broken connection only starts the list anew. */
async function followStart(
  { user, name }: ServerId,
  show: (events: readonly HubProgress[]) => void,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const events: HubProgress[] = []
    try {
      const stream = await requestStream(endpoints.progress(user, name), {
        accept: 'text/event-stream',
        signal,
      })
      for await (const data of readEvents(stream)) {
        const event = JSON.parse(data) as HubProgress
        events.push(event)
        show([...events])
        if (event.ready || event.failed) return
      }
    } catch (error) {
      if (error instanceof ApiError && !error.isPassing) throw error
    }
    await pause(retryMs, signal)
  }
}
