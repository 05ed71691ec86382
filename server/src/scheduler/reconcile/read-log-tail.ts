import type { JobHandle } from '#scheduler/job.ts'
import type { Scheduler } from '#scheduler/scheduler.ts'

const maxLines = 50
const shortestSecret = 6

/**
 * The last lines of a job's output, with `secrets` blotted out; undefined when there is none or it does not come in time: an end is
 * recorded without it rather than late.
 */
export async function readLogTail(
  scheduler: Scheduler,
  handle: JobHandle,
  { bytes, signal, secrets }: { bytes: number; signal: AbortSignal; secrets: readonly string[] },
): Promise<string | undefined> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of scheduler.logs(handle, { tailBytes: bytes, signal })) chunks.push(chunk)
  } catch {
    // The cause of the failure is known without it.
    return undefined
  }
  const lines = Buffer.concat(chunks).toString('utf8').trimEnd().split('\n').slice(-maxLines)
  const text = hideSecrets(lines.join('\n'), secrets)
  return text === '' ? undefined : text
}

function hideSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= shortestSecret)
    .reduce((hidden, secret) => hidden.replaceAll(secret, '***'), text)
}
