import type { HubProgress } from '@atrium/contract/hub-models.ts'

import type { Job, JobEvent } from '#scheduler/job-record.ts'

import { buildServerPath } from './server-paths.ts'

/** The first line of every start. */
export const requestedEvent: HubProgress = { progress: 0, message: 'Server requested' }

/** The last line of a start that went well. */
export function buildReadyEvent(user: string, server: string): HubProgress {
  const url = buildServerPath(user, server)
  return {
    progress: 100,
    ready: true,
    message: `Server ready at ${url}`,
    html_message: `Server ready at <a href="${escapeHtml(url)}">${escapeHtml(url)}</a>`,
    url,
  }
}

/** The last line of a start that did not: its cause, and what it printed last. */
export function buildFailedEvent(job: Job): HubProgress {
  if (job.state === 'cancelled') return { progress: 100, failed: true, message: 'Spawn cancelled' }
  const cause = job.message ?? 'The server ended before it answered.'
  const log = job.logTail?.trim() ?? ''
  return {
    progress: 100,
    failed: true,
    message: `Spawn failed: ${cause}`,
    ...(log === ''
      ? {}
      : { html_message: `Spawn failed: ${escapeHtml(cause)}<pre>${escapeHtml(log)}</pre>` }),
  }
}

/** A line between the first and the last. `after` is the progress shown before: it never goes back. */
export function buildProgressEvent(event: JobEvent, after: number): HubProgress {
  return {
    progress: Math.min(99, Math.max(after, event.progress ?? after)),
    message: event.message,
    ...(event.htmlMessage === undefined ? {} : { html_message: event.htmlMessage }),
  }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
