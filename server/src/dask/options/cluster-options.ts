import { isPlatformError } from '@atrium/contract/errors.ts'

import type { ClusterSettings, WorkerSettings } from '#dask/clusters.ts'
import type { User, Users } from '#identity/users.ts'
import { findProfileEnvironment, type JobEnvironment } from '#scheduler/job-environment.ts'
import type { JobProfile, JobProfileWish } from '#scheduler/job-profile.ts'
import { pickPodPlace } from '#scheduler/pod-options.ts'
import { type BoundsConfig, findBounds } from './cluster-bounds.ts'
import { parseEnvironmentPrefix, parseEnvironmentVariables } from './environment-options.ts'
import { isMapping, type OptionField, parseOption, refuse, show } from './option-field.ts'
import {
  buildOptionFields,
  type ClusterDefaults,
  type FieldsInput,
  findWorkerDefaults,
  gib,
  hasProfileChoice,
  leastMemoryGib,
  type OptionName,
} from './option-fields.ts'

/** Options as they were understood. */
export interface ParsedOptions {
  /** All of them, defaults too: reports show them. */
  options: Readonly<Record<string, unknown>>
  settings: ClusterSettings
}

/** Which options a user has, and what follows from those that are asked for. */
export interface ClusterOptions {
  /** As the protocol shows them. */
  describe(user: User): Promise<readonly OptionField[]>
  /**
   * Checks what a client sent. Throws `unprocessable` in Dask Gateway's words. `serverId`: the server whose token asked; its clusters inherit
   * its environment.
   */
  parse(user: User, wanted: unknown, asked: { serverId: number | null }): Promise<ParsedOptions>
}

export interface ClusterOptionsConfig {
  shown: readonly OptionName[]
  defaults: ClusterDefaults
  bounds: BoundsConfig
}

interface ClusterOptionsParts {
  config: ClusterOptionsConfig
  users: Pick<Users, 'groupsOf'>
  /** Those this user may start something with now, the default first. */
  listProfiles(user: User): Promise<readonly JobProfile[]>
  /** Throws `bad_request` or `forbidden`. */
  chooseProfile(user: User, wish: JobProfileWish): Promise<JobProfile>
  /** The Python that a server runs with; undefined when it does not run. */
  findServerEnvironment(serverId: number): Promise<JobEnvironment | undefined>
  /** Of the platform's own environment; absent: images bring one. */
  environmentPrefix?: string
  findAbilities(): Promise<FieldsInput['abilities']>
}

/** Python's tuples of the reference would take any number; nobody has so many. */
const mostShownFields = 20

/** See `ClusterOptions`. */
export function createClusterOptions(parts: ClusterOptionsParts): ClusterOptions {
  const { config, users } = parts
  const shown = new Set(config.shown)
  const findInput = async (user: User) => {
    const [groups, profiles, abilities] = await Promise.all([
      users.groupsOf([user.id]),
      parts.listProfiles(user),
      parts.findAbilities(),
    ])
    const bounds = findBounds(config.bounds, user.name, groups.get(user.id) ?? [])
    return { shown, defaults: config.defaults, bounds, profiles, abilities }
  }
  return {
    async describe(user) {
      return buildOptionFields(await findInput(user))
    },
    async parse(user, wanted, { serverId }) {
      const input = await findInput(user)
      const options = parseFields(buildOptionFields(input), wanted)
      const choice = readChoice(input, options)
      const profile = await chooseProfile(parts, user, choice.profile)
      const inherited = serverId === null ? undefined : await parts.findServerEnvironment(serverId)
      return {
        options,
        settings: buildSettings(input, choice, profile, {
          ...(inherited ?? findProfileEnvironment(profile, parts.environmentPrefix)),
          ...(choice.prefix === undefined ? {} : { prefix: choice.prefix }),
        }),
      }
    },
  }
}

/** Said as everything about options is: the client shows these words, and of a 403 none. */
async function chooseProfile(
  parts: Pick<ClusterOptionsParts, 'chooseProfile'>,
  user: User,
  profile: string | undefined,
): Promise<JobProfile> {
  try {
    return await parts.chooseProfile(user, { profile })
  } catch (error) {
    if (isPlatformError(error, 'forbidden') || isPlatformError(error, 'bad_request'))
      throw refuse(error.message)
    throw error
  }
}

/** All fields, those that were not sent with their defaults. */
function parseFields(fields: readonly OptionField[], wanted: unknown): Readonly<Record<string, unknown>> {
  if (!isMapping(wanted)) throw refuse(`options must be a dict, got ${show(pythonName(wanted))}`)
  const known = new Set(fields.map(({ field }) => field))
  const unknown = Object.keys(wanted).filter((name) => !known.has(name))
  if (unknown.length > 0) throw refuse(`Unknown fields ${show(unknown.toSorted().slice(0, mostShownFields))}`)
  return Object.fromEntries(
    fields.map((field) => [
      field.field,
      parseOption(field, Object.hasOwn(wanted, field.field) ? wanted[field.field] : field.default),
    ]),
  )
}

function pythonName(value: unknown): string {
  if (value === null) return 'NoneType'
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
  return { string: 'str', boolean: 'bool' }[typeof value as 'string' | 'boolean'] ?? 'object'
}

/** What was chosen, by our own words; undefined: the option is not there, or says nothing. */
interface Choice {
  profile: string | undefined
  cores: number | undefined
  memoryGib: number | undefined
  gpus: number | undefined
  threads: number | undefined
  preemptible: boolean | undefined
  prefix: string | undefined
  variables: Readonly<Record<string, string>>
  idleTimeoutS: number | undefined
  clientTimeoutS: number | undefined
}

function readChoice(input: FieldsInput, options: Readonly<Record<string, unknown>>): Choice {
  // Each was checked against its field's type.
  const read = <T>(name: OptionName) => options[name] as T | undefined
  const memoryGib = read<number>('worker_memory')
  // Elsewhere the field itself has a least value; here it is 0, which says something else.
  const least = hasProfileChoice(input)
    ? Math.min(leastMemoryGib, (input.bounds.memoryBytes ?? gib) / gib)
    : 0
  if (memoryGib !== undefined && memoryGib > 0 && memoryGib < least) {
    throw refuse(`worker_memory must be >= ${least.toFixed(6)}, got ${memoryGib}`)
  }
  return {
    profile: read('profile'),
    cores: read('worker_cores'),
    memoryGib,
    gpus: read('worker_gpus'),
    threads: read('worker_threads'),
    preemptible: read('preemptible'),
    prefix: parseEnvironmentPrefix(read('environment')),
    variables: parseEnvironmentVariables(read('environment_vars')),
    idleTimeoutS: read('idle_timeout'),
    clientTimeoutS: read('client_timeout'),
  }
}

function buildSettings(
  input: FieldsInput,
  choice: Choice,
  profile: JobProfile,
  { prefix, image }: JobEnvironment,
): ClusterSettings {
  const { defaults, bounds } = input
  const { image: _, ...profilePlace } = pickPodPlace(profile)
  const place = { ...profilePlace, ...(image === undefined ? {} : { image }) }
  return {
    ...(prefix === undefined ? {} : { environmentPrefix: prefix }),
    profile: profile.name,
    ...(profile.queue === undefined ? {} : { queue: profile.queue }),
    ...(Object.keys(place).length === 0 ? {} : { place }),
    ...(profile.queue?.account === undefined ? {} : { account: profile.queue.account }),
    worker: buildWorker(input, choice, profile),
    scheduler: { cpu: defaults.scheduler.cores, memoryBytes: defaults.scheduler.memoryBytes },
    environment: { ...defaults.environment, ...choice.variables },
    ...(profile.timeLimitMs === undefined ? {} : { timeLimitMs: profile.timeLimitMs }),
    idleTimeoutMs: toMs(choice.idleTimeoutS) ?? within(bounds.idleTimeoutMs, defaults.idleTimeoutMs),
    clientTimeoutMs: toMs(choice.clientTimeoutS) ?? within(bounds.clientTimeoutMs, defaults.clientTimeoutMs),
    ...(bounds.workers === undefined ? {} : { maximumWorkers: bounds.workers }),
  }
}

function buildWorker(input: FieldsInput, choice: Choice, profile: JobProfile): WorkerSettings {
  const { worker } = input.defaults
  const usual = findWorkerDefaults(input, profile.resources)
  const cpu = choice.cores || usual.cores
  const memoryBytes =
    choice.memoryGib === undefined || choice.memoryGib === 0
      ? usual.memoryBytes
      : Math.round(choice.memoryGib * gib)
  const isChoice = hasProfileChoice(input)
  return {
    cpu,
    memoryBytes,
    // 0 means the profile's where profiles are chosen from, and none elsewhere.
    gpu: isChoice ? choice.gpus || usual.gpus : (choice.gpus ?? usual.gpus),
    threads: choice.threads || worker.threads || cpu,
    preemptible:
      input.abilities.preemptible && ((choice.preemptible ?? worker.preemptible) || profile.preemptible),
  }
}

function toMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000)
}

/** 0 is for ever, which a bound does not allow. */
function within(bound: number | undefined, value: number): number {
  if (bound === undefined || bound === 0) return value
  return value === 0 ? bound : Math.min(bound, value)
}
