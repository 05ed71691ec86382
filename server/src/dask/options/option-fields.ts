import type { JobResources } from '#scheduler/job.ts'
import type { ClusterBounds } from './cluster-bounds.ts'
import type { OptionField, OptionType } from './option-field.ts'

/** Every option there can be, by the name that users write. */
export const optionNames = [
  'profile',
  'worker_cores',
  'worker_memory',
  'worker_gpus',
  'worker_threads',
  'preemptible',
  'environment',
  'environment_vars',
  'idle_timeout',
  'client_timeout',
] as const

export type OptionName = (typeof optionNames)[number]

/** What a worker and its cluster are if nothing else is said. */
export interface ClusterDefaults {
  readonly worker: {
    readonly cores: number
    readonly memoryBytes: number
    readonly gpus: number
    /** Absent: as many as cores. */
    readonly threads?: number
    readonly preemptible: boolean
  }
  readonly scheduler: { readonly cores: number; readonly memoryBytes: number }
  /** 0: none. */
  readonly idleTimeoutMs: number
  readonly clientTimeoutMs: number
  readonly environment: Readonly<Record<string, string>>
}

/** What the fields of one user depend on. */
export interface FieldsInput {
  readonly shown: ReadonlySet<OptionName>
  readonly defaults: ClusterDefaults
  readonly bounds: ClusterBounds
  /** The profiles this user may choose, the default first, with their resources. */
  readonly profiles: readonly { readonly name: string; readonly resources: JobResources }[]
  /** What the scheduler can do. */
  readonly abilities: { readonly gpu: boolean; readonly preemptible: boolean }
}

export const gib = 1024 ** 3
/** A worker's own Python takes some 150 MB before it has done anything. */
export const leastMemoryGib = 0.25

/** The options that one user has, in the order in which forms show them. */
export function buildOptionFields(input: FieldsInput): readonly OptionField[] {
  const all: Readonly<Record<OptionName, OptionField | undefined>> = {
    profile: buildProfileField(input),
    ...buildWorkerFields(input),
    environment: {
      field: 'environment',
      label: 'Prefix of the Python environment (empty: as here)',
      default: '',
      spec: { type: 'string' },
    },
    environment_vars: {
      field: 'environment_vars',
      label: 'Environment variables',
      default: {},
      spec: { type: 'mapping' },
    },
    idle_timeout: buildTimeoutField(
      'idle_timeout',
      'Stop after so many seconds without work',
      input.defaults.idleTimeoutMs,
      input.bounds.idleTimeoutMs,
    ),
    client_timeout: buildTimeoutField(
      'client_timeout',
      'Stop so many seconds after the last client has left',
      input.defaults.clientTimeoutMs,
      input.bounds.clientTimeoutMs,
    ),
  }
  return optionNames.filter((name) => input.shown.has(name)).flatMap((name) => all[name] ?? [])
}

/** Two or more: with one there is nothing to choose. */
export function hasProfileChoice({ shown, profiles }: Pick<FieldsInput, 'shown' | 'profiles'>): boolean {
  return shown.has('profile') && profiles.length > 1
}

/** What a worker gets of which only the profile is known: the profile's, and where it says nothing, everybody's. */
export function findWorkerDefaults(
  { defaults, bounds, abilities }: Pick<FieldsInput, 'defaults' | 'bounds' | 'abilities'>,
  resources: JobResources,
): { cores: number; memoryBytes: number; gpus: number } {
  const { worker } = defaults
  return {
    cores: atMost(bounds.cores, Math.max(1, Math.floor(resources.cpu ?? worker.cores))),
    memoryBytes: atMost(bounds.memoryBytes, resources.memoryBytes ?? worker.memoryBytes),
    gpus: abilities.gpu ? atMost(bounds.gpus, resources.gpu ?? worker.gpus) : 0,
  }
}

function buildProfileField(input: FieldsInput): OptionField | undefined {
  if (!hasProfileChoice(input)) return undefined
  const names = input.profiles.map(({ name }) => name)
  return {
    field: 'profile',
    label: 'Profile',
    default: names[0],
    spec: { type: 'select', options: names },
  }
}

/** Where profiles are chosen from, 0 is the default and means the profile's: a form always sends every field. */
function buildWorkerFields(input: FieldsInput) {
  const { bounds, abilities, defaults } = input
  const isChoice = hasProfileChoice(input)
  const { cores, memoryBytes, gpus } = findWorkerDefaults(input, input.profiles[0]?.resources ?? {})
  const count = (field: OptionName, label: string, given: OptionCount): OptionField => {
    const { type = 'int', min = 1, max, value } = given
    // Clients refuse all options for one whose default is out of its own bounds.
    const least = isChoice ? 0 : Math.min(min, value)
    const spec: OptionType = { type, min: least, max: max ?? null }
    return {
      field,
      label: isChoice ? `${label} (0: as the profile)` : label,
      default: isChoice ? 0 : value,
      spec,
    }
  }
  const mayHaveGpus = abilities.gpu && bounds.gpus !== 0
  return {
    worker_cores: count('worker_cores', 'Cores of a worker', { max: bounds.cores, value: cores }),
    worker_memory: count('worker_memory', 'Memory of a worker (GiB)', {
      type: 'float',
      min: leastMemoryGib,
      max: bounds.memoryBytes === undefined ? undefined : bounds.memoryBytes / gib,
      value: memoryBytes / gib,
    }),
    worker_gpus: mayHaveGpus
      ? count('worker_gpus', 'GPUs of a worker', { min: 0, max: bounds.gpus, value: gpus })
      : undefined,
    worker_threads: {
      field: 'worker_threads',
      label: 'Threads of a worker (0: as many as cores)',
      default: defaults.worker.threads ?? 0,
      spec: { type: 'int', min: 0, max: 4096 },
    } satisfies OptionField,
    preemptible: abilities.preemptible ? buildPreemptibleField(defaults) : undefined,
  }
}

interface OptionCount {
  type?: 'int' | 'float'
  min?: number
  max: number | undefined
  value: number
}

function buildPreemptibleField({ worker }: ClusterDefaults): OptionField {
  return {
    field: 'preemptible',
    label: 'More important jobs may take the place of workers',
    default: worker.preemptible,
    spec: { type: 'bool' },
  }
}

/** Seconds. 0 is for ever, and so not to be had where there is a bound. */
function buildTimeoutField(
  field: OptionName,
  label: string,
  valueMs: number,
  boundMs: number | undefined,
): OptionField {
  const isBounded = boundMs !== undefined && boundMs > 0
  const value = isBounded && valueMs === 0 ? boundMs : atMost(isBounded ? boundMs : undefined, valueMs)
  return {
    field,
    label: isBounded ? label : `${label} (0: never)`,
    default: value / 1000,
    spec: {
      type: 'float',
      min: isBounded ? Math.min(1, value / 1000) : 0,
      max: isBounded ? boundMs / 1000 : null,
    },
  }
}

function atMost(bound: number | undefined, value: number): number {
  return bound === undefined ? value : Math.min(bound, value)
}
