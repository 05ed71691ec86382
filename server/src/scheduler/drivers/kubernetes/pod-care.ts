import type { V1Pod } from '@kubernetes/client-node'

import type { KubernetesContext } from './kubernetes-scheduler.ts'
import { findImageTrouble, hasPodEnded } from './observe-pod.ts'
import { annotations } from './pod-names.ts'

/** A registry that is away comes back, an image may still be pushed. */
const usualPatienceMs = 10 * 60_000
/** What the kubelet takes as: at once. */
const leastSeconds = 1

/** Gives up pods whose image cannot be had: Kubernetes itself tries for ever. */
export interface PodCare {
  /** Looks at a pod that has changed. */
  look(pod: V1Pod): void
  forget(name: string): void
  close(): void
}

export function createPodCare(context: KubernetesContext): PodCare {
  const { clock, log, config } = context
  const { imagePatienceMs = usualPatienceMs } = config
  const waiting = new Map<string, { stop: AbortController; message: string }>()
  const forget = (name: string) => {
    waiting.get(name)?.stop.abort()
    waiting.delete(name)
  }
  return {
    look(pod) {
      const name = pod.metadata?.name ?? ''
      const trouble = hasPodEnded(pod) ? undefined : findImageTrouble(pod)
      if (trouble === undefined) return forget(name)
      const known = waiting.get(name)
      if (known !== undefined) {
        known.message = trouble.message
        return
      }
      const entry = { stop: new AbortController(), message: trouble.message }
      waiting.set(name, entry)
      const { signal } = entry.stop
      const giveUp = async () => {
        await clock.sleep(trouble.isFinal ? 0 : imagePatienceMs, { signal })
        await giveUpPod(context, name, { message: entry.message, signal })
      }
      giveUp().catch((error: unknown) => {
        // It is looked at again at its next change, of which there are many.
        if (waiting.get(name) === entry) waiting.delete(name)
        if (!signal.aborted) log.warn({ err: error, pod: name }, 'a pod could not be given up')
      })
    },
    forget,
    close() {
      for (const name of [...waiting.keys()]) forget(name)
    },
  }
}

/** Its node ends it, and keeps it with what it was given up for. */
async function giveUpPod(
  { client, path }: KubernetesContext,
  name: string,
  { message, signal }: { message: string; signal: AbortSignal },
): Promise<void> {
  const body = {
    metadata: { annotations: { [annotations.failure]: message } },
    spec: { activeDeadlineSeconds: leastSeconds },
  }
  await client.call('PATCH', `${path}/pods/${name}`, {
    body,
    contentType: 'application/merge-patch+json',
    signal,
  })
}
