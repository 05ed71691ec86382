import { PlatformError } from '@atrium/contract/errors.ts'

import type { LogOptions } from '#scheduler/scheduler.ts'

import { type KubeClient, KubeRefusal } from './kube-client.ts'

/** About as long as lines are. */
const bytesOfLine = 40

/** A pod's output, as the kubelet keeps it. Nothing for a pod or a container that is not there. */
export async function* readPodLog(
  client: KubeClient,
  path: string,
  { offset = 0, tailBytes, follow = false, signal }: LogOptions,
): AsyncGenerator<Uint8Array> {
  const tailLines = tailBytes === undefined ? undefined : Math.ceil(tailBytes / bytesOfLine) + 1
  const query = { container: 'job', follow: follow || undefined, tailLines }
  let stream: AsyncIterable<Uint8Array>
  try {
    stream = await client.stream(`${path}/log`, { query, signal })
  } catch (error) {
    if (error instanceof KubeRefusal && (error.status === 404 || error.status === 400)) return
    throw error
  }
  try {
    if (tailBytes === undefined) yield* skip(stream, offset)
    else yield* keepEnd(stream, tailBytes)
  } catch (error) {
    signal.throwIfAborted()
    throw new PlatformError('scheduler_unavailable', { message: 'The log was cut off.', cause: error })
  }
}

async function* skip(stream: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array> {
  let left = offset
  for await (const chunk of stream) {
    if (chunk.length > left) yield chunk.subarray(left)
    left = Math.max(0, left - chunk.length)
  }
}

async function* keepEnd(stream: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let kept = Buffer.alloc(0)
  for await (const chunk of stream) {
    kept = Buffer.concat([kept, chunk])
    if (kept.length > 2 * bytes) kept = kept.subarray(kept.length - bytes)
  }
  yield kept.subarray(Math.max(0, kept.length - bytes))
}
