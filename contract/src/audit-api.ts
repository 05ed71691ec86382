import { type Static, Type } from 'typebox'

/** One line of the audit log: who did what to what, and whether it was allowed. */
export const auditEventSchema = Type.Object({
  id: Type.Integer(),
  atMs: Type.Integer(),
  actor: Type.String({ description: '`user:alice`, `service:culler`, `system`.' }),
  action: Type.String({ description: '`user.create`, `server.start`, …' }),
  target: Type.String(),
  outcome: Type.Enum(['ok', 'refused']),
  detail: Type.Record(Type.String(), Type.Unknown()),
  remote: Type.Optional(Type.String()),
})

export type AuditEvent = Static<typeof auditEventSchema>

/** `GET /api/v1/audit`: newest first; without `read:audit` only what the caller did or what was done to the caller. */
export const auditPageSchema = Type.Object({
  events: Type.Array(auditEventSchema),
  /** Give it as `before` to read on; absent at the end. */
  next: Type.Optional(Type.Integer()),
})

export type AuditPage = Static<typeof auditPageSchema>

/** Query of `GET /api/v1/audit`; all conditions must hold. */
export const auditQuerySchema = Type.Object({
  of: Type.Optional(
    Type.String({ description: 'Who did it or to whom it was done, exactly: `user:alice`.' }),
  ),
  actor: Type.Optional(Type.String({ description: 'Contained in the actor.' })),
  action: Type.Optional(Type.String({ description: 'Beginning of the action: `user.`' })),
  target: Type.Optional(Type.String({ description: 'Contained in the target.' })),
  outcome: Type.Optional(Type.Enum(['ok', 'refused'])),
  sinceMs: Type.Optional(Type.Integer()),
  untilMs: Type.Optional(Type.Integer()),
  before: Type.Optional(Type.Integer()),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
})

export type AuditQuery = Static<typeof auditQuerySchema>
