import { Type } from 'typebox'

import { restartsSchema } from './jobs-api.ts'
import { serverStates } from './servers.ts'

/** `Profile` of `servers.ts`. */
export const profileSchema = Type.Object({
  name: Type.String({ description: 'Goes into `user_options.profile`.' }),
  title: Type.String(),
  description: Type.String(),
  cpu: Type.Optional(Type.Number({ description: 'Cores. Absent: not limited.' })),
  memoryBytes: Type.Optional(Type.Number()),
  gpu: Type.Optional(Type.Integer()),
  environment: Type.Optional(Type.String()),
  timeLimitMs: Type.Optional(Type.Integer()),
  idleTimeoutMs: Type.Optional(Type.Integer({ description: 'Absent: never stopped by itself.' })),
  partition: Type.Optional(Type.String()),
  nodes: Type.Optional(Type.Integer()),
  exclusive: Type.Optional(Type.Boolean({ description: 'Whole nodes.' })),
  preemptible: Type.Optional(
    Type.Boolean({ description: 'May be taken away for more important jobs, and comes back by itself.' }),
  ),
  accounts: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String({ description: 'Goes into `user_options.account`.' }),
        isDefault: Type.Boolean(),
        limits: Type.Object(
          {
            timeLimitMs: Type.Optional(Type.Integer()),
            jobs: Type.Optional(Type.Integer({ description: 'At a time.' })),
            nodes: Type.Optional(Type.Integer()),
            cpu: Type.Optional(Type.Integer()),
            gpu: Type.Optional(Type.Integer()),
            memoryBytes: Type.Optional(Type.Integer()),
          },
          { description: "The scheduler's, for this account and partition." },
        ),
      }),
      { description: 'What it can be charged to, the default first. Absent: nothing is charged.' },
    ),
  ),
  withheld: Type.Optional(
    Type.String({ description: 'Why the scheduler would refuse it. Only when asked for.' }),
  ),
  unchecked: Type.Optional(
    Type.String({ description: 'Why nobody could say whether the scheduler would refuse it.' }),
  ),
  isDefault: Type.Boolean(),
})

/** `IdleState` of `servers.ts`. */
export const idleStateSchema = Type.Object({
  inUse: Type.Boolean(),
  reasons: Type.Array(Type.Object({ text: Type.String(), atMs: Type.Integer() }), {
    description: 'Why it is still running: what is seen now, or was seen last.',
  }),
  timeoutMs: Type.Optional(Type.Integer()),
  stopsAtMs: Type.Optional(Type.Integer()),
  warned: Type.Boolean(),
  keepUntilMs: Type.Optional(Type.Integer()),
})

const amountsSchema = Type.Object({
  cpu: Type.Optional(Type.Number()),
  memoryBytes: Type.Optional(Type.Number()),
  gpu: Type.Optional(Type.Integer()),
})

/** `ServerDetails` of `servers.ts`. */
export const serverDetailsSchema = Type.Object({
  user: Type.String(),
  name: Type.String({ description: 'Empty for the default server.' }),
  displayName: Type.Optional(Type.String()),
  state: Type.Enum(serverStates),
  url: Type.String(),
  progressUrl: Type.String(),
  profile: Type.Optional(Type.String()),
  account: Type.Optional(Type.String({ description: 'It was charged to by choice.' })),
  jobKey: Type.Optional(Type.String()),
  node: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String({ description: 'Short and stable: why it waits or how it ended.' })),
  message: Type.Optional(Type.String()),
  exitCode: Type.Optional(Type.Integer()),
  logTail: Type.Optional(Type.String()),
  place: Type.Optional(Type.Integer({ description: 'Place in the queue, 1 is next.' })),
  estimatedStartAtMs: Type.Optional(Type.Number()),
  requestedAtMs: Type.Optional(Type.Number()),
  readyAtMs: Type.Optional(Type.Number()),
  lastActivityAtMs: Type.Optional(Type.Number()),
  endsAtMs: Type.Optional(Type.Number({ description: 'When the time limit ends it; while it runs.' })),
  endsSoon: Type.Optional(Type.Boolean({ description: 'Little is left of its time: its owner is warned.' })),
  restarts: Type.Optional(restartsSchema),
  usage: Type.Optional(
    Type.Object({
      memoryBytes: Type.Optional(Type.Number()),
      cpuSeconds: Type.Optional(Type.Number()),
      oomKills: Type.Optional(
        Type.Integer({ description: 'Programs that were ended because it used more memory than it may.' }),
      ),
    }),
  ),
  limits: Type.Optional(amountsSchema),
  idle: Type.Optional(idleStateSchema),
})

/** `KeepRunningRequest` of `servers.ts`. */
export const keepRunningRequestSchema = Type.Object(
  {
    forMs: Type.Optional(
      Type.Integer({
        minimum: 60_000,
        description: "How long from now; default the profile's idle time-out.",
      }),
    ),
  },
  { default: {} },
)
