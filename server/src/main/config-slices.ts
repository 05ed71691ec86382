import type { Config } from '#config/schema.ts'
import { parseByteSize, parseDurationMs } from '#config/units.ts'
import type { IdleSettings, ProfileConfig, ProfilesConfig } from '#hub/profile-config.ts'
import type { QuotaAmounts, QuotaLimits } from '#scheduler/quota.ts'
import type { UsagePrices } from '#scheduler/usage/usage-report.ts'

import { buildPodOptions } from './pod-options.ts'

/** Each folder gets its own part of the configuration, in its own words: these build them. */

/** The quota ledger's limits. */
export function buildQuotaLimits({ quotas }: Config): QuotaLimits {
  return {
    platform: buildAmounts(quotas.platform),
    defaultUser: buildAmounts(quotas.user),
    defaultGroup: buildAmounts(quotas.group),
    users: mapValues(quotas.users, buildAmounts),
    groups: mapValues(quotas.groups, buildAmounts),
  }
}

/** Profiles with everybody's idle settings. */
export function buildProfilesConfig({ profiles, servers }: Config): ProfilesConfig {
  return { profiles: profiles.map(buildProfile), idle: buildIdleSettings(servers.idle) }
}

/** What use costs; undefined when the configuration names no prices. */
export function buildUsagePrices({ cost }: Config): UsagePrices | undefined {
  const { currency, partitions, ...prices } = cost
  const isFree = Object.keys(prices).length + Object.keys(partitions).length === 0
  return isFree ? undefined : { currency, partitions, ...prices }
}

type QuotaShare = NonNullable<Config['quotas']['user']>
type IdleSection = Config['servers']['idle']

function buildAmounts(share: QuotaShare | undefined): Partial<QuotaAmounts> {
  if (share === undefined) return {}
  const { memory, ...amounts } = share
  return { ...amounts, ...(memory === undefined ? {} : { memoryBytes: parseByteSize(memory) }) }
}

function buildProfile(profile: Config['profiles'][number]): ProfileConfig {
  const { memory, environment, timeLimit, users, groups, roles, idle, default: isDefault, ...more } = profile
  const { partition, account, qos, constraint, reservation, gpuType, gres, kubernetes, ...rest } = more
  const queue = dropUndefined({
    partition,
    // Whichever the user has.
    account: account === 'any' ? undefined : account,
    qos,
    constraint,
    reservation,
    gpuType,
    gres,
  })
  return {
    ...rest,
    ...(memory === undefined ? {} : { memoryBytes: parseByteSize(memory) }),
    ...(environment === undefined ? {} : { environmentPrefix: environment }),
    ...(timeLimit === undefined ? {} : { timeLimitMs: parseDurationMs(timeLimit) }),
    ...(Object.keys(queue).length === 0 ? {} : { queue }),
    ...(kubernetes === undefined ? {} : { pod: buildPodOptions(kubernetes) }),
    audience: { users, groups, roles },
    isDefault,
    ...(idle === undefined ? {} : { idle: buildPartialIdleSettings(idle) }),
  }
}

function dropUndefined<T extends object>(values: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Key in keyof T]?: Exclude<T[Key], undefined> }
}

function buildPartialIdleSettings(idle: IdleSection): Partial<IdleSettings> {
  return {
    ...(idle.stop === undefined ? {} : { stop: idle.stop }),
    ...(idle.after === undefined ? {} : { afterMs: parseDurationMs(idle.after) }),
    ...(idle.warning === undefined ? {} : { warningMs: parseDurationMs(idle.warning) }),
    ...(idle.cpu === undefined ? {} : { cpuCores: idle.cpu }),
  }
}

/** The platform's own have a default each, so nothing stays open. */
function buildIdleSettings(idle: IdleSection): IdleSettings {
  return {
    stop: true,
    afterMs: 3_600_000,
    warningMs: 300_000,
    cpuCores: 0.1,
    ...buildPartialIdleSettings(idle),
  }
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  change: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}
