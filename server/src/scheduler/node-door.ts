/** What a launcher on a node asked, as it came: nothing of it is believed before its credential was looked at. */
export interface NodeRequest {
  /** The body, byte for byte. */
  body: string
  /** What proves whose process it is: see `findNodeCredential`. */
  credential: string | undefined
  /** Where the request came from, as the edge saw it. */
  address?: string
}

/**
 * Where jobs on nodes fetch what they are to run, and tell how it goes: for drivers that hand the scheduler nothing of a job but its key.
 * Throws `unauthenticated` for a credential that proves nothing, `forbidden` for another user's job, `conflict` where another of the
 * scheduler's jobs runs it, `gone` for what is not wanted any more, `bad_request`, and `too_many_requests` or `scheduler_unavailable` when
 * asking again later helps.
 */
export interface NodeDoor {
  /** The job, as text that only its owner can read. */
  launch(request: NodeRequest): Promise<string>
  report(request: NodeRequest): Promise<void>
}

/** A launcher's credential, of the header `Authorization: Munge CREDENTIAL`; undefined for any other. */
export function findNodeCredential(authorization: string | undefined): string | undefined {
  return /^munge +(\S+)$/i.exec(authorization ?? '')?.[1]
}
