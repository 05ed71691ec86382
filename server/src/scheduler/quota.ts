/** What one job takes, and what limits and sums are in. */
export interface QuotaAmounts {
  servers: number
  workers: number
  /** Cores. */
  cpu: number
  memoryBytes: number
  gpu: number
}

/** Somebody jobs count against. */
export type QuotaSubject = { kind: 'platform' } | { kind: 'user'; id: number } | { kind: 'group'; id: number }

/** A subject's share: what is held now, and the limits (absent: none). */
export interface QuotaUsage {
  subject: QuotaSubject
  /** The user's or group's name. */
  name: string
  used: QuotaAmounts
  limits: Partial<QuotaAmounts>
  jobs: number
}

export interface QuotaReader {
  usage(subject: QuotaSubject): Promise<QuotaUsage>
  /** Everybody who holds something now, the platform first. */
  list(): Promise<readonly QuotaUsage[]>
}

/** The limits of a subject, from config. Users' and groups' own, else the default for their kind. Absent amounts are not limited. */
export interface QuotaLimits {
  platform: Partial<QuotaAmounts>
  /** By user name; `defaultUser` for everybody else. */
  users: Readonly<Record<string, Partial<QuotaAmounts>>>
  defaultUser: Partial<QuotaAmounts>
  groups: Readonly<Record<string, Partial<QuotaAmounts>>>
  defaultGroup: Partial<QuotaAmounts>
}
