import { type Static, Type } from 'typebox'

/** `GET /api/v1/status`: how the platform is. */
export const statusSchema = Type.Object({
  version: Type.String(),
  startedAtMs: Type.Integer(),
  publicUrl: Type.String(),
  store: Type.Object({ kind: Type.Enum(['sqlite', 'postgres']) }),
  scheduler: Type.Object({
    driver: Type.String(),
    answers: Type.Boolean(),
    /** Limits of cpu and memory are really enforced. */
    limits: Type.Object({ cpu: Type.Boolean(), memory: Type.Boolean(), why: Type.String() }),
    warmStart: Type.Boolean(),
    owners: Type.Boolean({ description: "Jobs run under their owner's uid." }),
  }),
  replicas: Type.Array(
    Type.Object({
      id: Type.String(),
      version: Type.String(),
      startedAtMs: Type.Integer(),
      seenAtMs: Type.Integer(),
      leads: Type.Boolean({ description: 'Holds the lease and reconciles.' }),
    }),
  ),
  counts: Type.Object({
    users: Type.Integer(),
    groups: Type.Integer(),
    runningServers: Type.Integer(),
    activeJobs: Type.Integer(),
    waitingJobs: Type.Integer(),
  }),
})

export type PlatformStatus = Static<typeof statusSchema>
