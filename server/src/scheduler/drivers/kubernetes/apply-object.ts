import type { KubeClient } from './kube-client.ts'
import { fieldManager } from './pod-names.ts'

/** Server-side apply (https://kubernetes.io/docs/reference/using-api/server-side-apply/), under one name for all of ours. */
export function applyObject<T>(client: KubeClient, path: string, body: T, signal: AbortSignal): Promise<T> {
  const query = { fieldManager, force: true }
  const contentType = 'application/apply-patch+yaml'
  return client.call('PATCH', path, { query, body, contentType, signal })
}
