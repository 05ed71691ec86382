import { connect } from 'node:net'

import type { V1Pod } from '@kubernetes/client-node'

import type { Clock } from '#platform/clock.ts'
import type { JobEndpoint } from '#scheduler/job.ts'

/** Between looks at a pod whose program does not listen yet: soon at first, since a person waits. */
const firstPauseMs = 20
const longestPauseMs = 2000
const answerMs = 2000

/** Which pods answer on all of their ports. In a pod there is nobody but the job's owner, so what listens there is the job. */
export interface PortProbe {
  /** Where a running pod answers; undefined: not yet, `onAnswer` will tell. */
  find(pod: V1Pod, ports: Readonly<Record<string, number>>): JobEndpoint | undefined
  /** A pod that is gone or has ended. */
  forget(name: string): void
  close(): void
}

/** `onAnswer` gets the pod's name. */
export function createPortProbe(clock: Clock, onAnswer: (name: string) => void): PortProbe {
  const answering = new Map<string, JobEndpoint>()
  const looking = new Map<string, AbortController>()
  return {
    find(pod, ports) {
      const host = pod.status?.podIP
      const name = pod.metadata?.name ?? ''
      const found = answering.get(name)
      if (found !== undefined && found.host === host) return found
      if (host === undefined || Object.keys(ports).length === 0 || looking.has(name)) return undefined
      const stop = new AbortController()
      looking.set(name, stop)
      void waitForPorts(clock, host, Object.values(ports), stop.signal).then((answers) => {
        looking.delete(name)
        if (!answers) return
        answering.set(name, { host, ports })
        onAnswer(name)
      })
      return undefined
    },
    forget(name) {
      answering.delete(name)
      looking.get(name)?.abort()
    },
    close() {
      for (const stop of looking.values()) stop.abort()
    },
  }
}

/** False when it was told to stop. */
async function waitForPorts(
  clock: Clock,
  host: string,
  ports: readonly number[],
  signal: AbortSignal,
): Promise<boolean> {
  let pauseMs = firstPauseMs
  while (!signal.aborted) {
    const answers = await Promise.all(ports.map((port) => isListening(host, port)))
    if (answers.every(Boolean)) return !signal.aborted
    await clock.sleep(pauseMs, { signal }).catch(() => {})
    pauseMs = Math.min(1.3 * pauseMs, longestPauseMs)
  }
  return false
}

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: answerMs })
    const end = (answers: boolean) => {
      socket.destroy()
      resolve(answers)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.once('timeout', () => end(false))
  })
}
