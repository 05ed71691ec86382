import type { HubProgress } from '@atrium/contract/hub-models.ts'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'

import { endpoints } from './endpoints.ts'
import type { ServerId } from './servers.ts'

/** What the stream of a start has said so far. */
export interface StartProgress {
  events: readonly HubProgress[]
  outcome: 'running' | 'ready' | 'failed'
}

const nothingYet: StartProgress = { events: [], outcome: 'running' }

/**
 * Follows the start of a server while `isStarting`. The stream replays from the first line whenever it is opened, so a broken
 * connection only starts the list anew.
 */
export function useStartProgress({ user, name }: ServerId, isStarting: boolean): StartProgress {
  const client = useQueryClient()
  const [progress, setProgress] = useState(nothingYet)
  useEffect(() => {
    if (!isStarting) return
    setProgress(nothingYet)
    const source = new EventSource(endpoints.progress(user, name))
    source.onopen = () => setProgress(nothingYet)
    source.onmessage = ({ data }) => {
      const event = JSON.parse(data) as HubProgress
      setProgress(({ events }) => ({ events: [...events, event], outcome: outcomeOf(event) }))
      if (outcomeOf(event) === 'running') return
      source.close()
      void client.invalidateQueries({ queryKey: ['servers', user] })
    }
    return () => source.close()
  }, [user, name, isStarting, client])
  return progress
}

function outcomeOf(event: HubProgress): StartProgress['outcome'] {
  if (event.failed) return 'failed'
  return event.ready ? 'ready' : 'running'
}
