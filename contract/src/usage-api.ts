import { type Static, Type } from 'typebox'

import { jobKinds } from './jobs-api.ts'

/** What sums of use are told apart by. */
export const usageDimensions = ['day', 'user', 'group', 'kind', 'partition'] as const

export type UsageDimension = (typeof usageDimensions)[number]

const day = (description: string) =>
  Type.Optional(
    Type.String({
      pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$',
      description: `${description} Days are those of UTC.`,
      examples: ['2026-11-01'],
    }),
  )

/** Query of `GET /api/v1/usage`; all conditions must hold. */
export const usageQuerySchema = Type.Object({
  from: day('First day. Default: the first of the month of `to`.'),
  to: day('Last day. Default: today.'),
  user: Type.Optional(Type.String()),
  group: Type.Optional(
    Type.String({ description: 'What counted for this group: by members at the time of use.' }),
  ),
  kind: Type.Optional(Type.Enum(jobKinds)),
  by: Type.Enum(usageDimensions, { default: 'day' }),
  format: Type.Enum(['json', 'csv'], { default: 'json' }),
})

export type UsageQuery = Static<typeof usageQuerySchema>

const amounts = {
  runs: Type.Integer({ description: 'Starts that ended.' }),
  coreHours: Type.Number(),
  gpuHours: Type.Number(),
  memoryGibHours: Type.Number(),
  cost: Type.Optional(Type.Number({ description: "By the configuration's prices; absent without any." })),
}

/** A sum for one day, user, group, kind or partition. */
export const usageRowSchema = Type.Object({
  name: Type.String({
    description:
      'Of what it is the sum: `2026-11-26`, `alice`. Empty: the platform’s own jobs, or the default partition.',
  }),
  gone: Type.Optional(Type.Boolean({ description: 'The user or group was deleted; the name is a number.' })),
  ...amounts,
})

export type UsageRow = Static<typeof usageRowSchema>

/** `GET /api/v1/usage`: days in order, others by core hours, the most first. What runs is counted up to now. */
export const usageReportSchema = Type.Object({
  from: Type.String(),
  to: Type.String(),
  by: Type.Enum(usageDimensions),
  currency: Type.Optional(Type.String()),
  rows: Type.Array(usageRowSchema),
  total: Type.Object(amounts, {
    description: 'Of everything once; rows of groups may add up to more, since a user can be in several.',
  }),
})

export type UsageReport = Static<typeof usageReportSchema>
export type UsageAmounts = UsageReport['total']
