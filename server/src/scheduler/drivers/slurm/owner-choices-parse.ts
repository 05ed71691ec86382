import {
  type AccountChoice,
  type ChoiceLimits,
  narrow,
  type PartitionChoice,
} from '#scheduler/owner-choices.ts'

/** Of `sacctmgr --noheader --parsable2 show assoc format=…`: in this order. */
export const associationFields = [
  'account',
  'partition',
  'qos',
  'defaultqos',
  'maxjobs',
  'maxwall',
  'maxtres',
  'grptres',
] as const

/** Of `sacctmgr … show qos format=…`. */
export const qosFields = ['name', 'maxwall', 'maxjobspu', 'maxtres', 'maxtrespu'] as const

/** What slurm.conf says of the site. */
export interface SlurmPolicy {
  /** As slurmdbd knows it. */
  cluster: string
  bindsAccounts: boolean
  bindsQos: boolean
}

/** `scontrol show config`. slurm.conf(5), AccountingStorageEnforce: all but `nojobs` and `nosteps` need associations. */
export function parsePolicy(text: string): SlurmPolicy {
  const read = (name: string) => new RegExp(`^${name}\\s*=\\s*(.*)$`, 'm').exec(text)?.[1]?.trim() ?? ''
  const enforced = read('AccountingStorageEnforce').toLowerCase().split(',')
  const has = (...names: string[]) => names.some((name) => enforced.includes(name))
  return {
    cluster: read('ClusterName'),
    bindsAccounts: has('associations', 'limits', 'qos', 'safe', 'wckeys', 'all'),
    bindsQos: has('qos', 'all'),
  }
}

/** `sacctmgr show configuration`, slurmctld's and slurmdbd's: whether who is no operator sees only what is their own. */
export function parseHidesAccounts(text: string): boolean {
  const hidden = [...text.matchAll(/^PrivateData\s*=(.*)$/gm)].flatMap(([, list = '']) =>
    list.split(',').map((word) => word.trim().toLowerCase()),
  )
  return ['accounts', 'users', 'all'].some((word) => hidden.includes(word))
}

/** `scontrol --oneliner show partition`, hidden ones included. `groups`: the user's, by name. */
export function parsePartitions(
  text: string,
  groups: readonly string[],
): { partitions: PartitionChoice[]; defaultPartition?: string } {
  const lines = text.split('\n').filter((line) => line.startsWith('PartitionName='))
  const all = lines.map(parseFields)
  const standard = all.find((fields) => fields.get('Default') === 'YES')?.get('PartitionName')
  return {
    partitions: all.map((fields) => parsePartition(fields, groups)),
    ...(standard === undefined ? {} : { defaultPartition: standard }),
  }
}

function parseFields(line: string): ReadonlyMap<string, string> {
  return new Map(
    line.split(' ').flatMap((part) => {
      const at = part.indexOf('=')
      return at < 1 ? [] : [[part.slice(0, at), part.slice(at + 1)] as const]
    }),
  )
}

function parsePartition(fields: ReadonlyMap<string, string>, groups: readonly string[]): PartitionChoice {
  const list = (name: string) => {
    const text = fields.get(name)
    return text === undefined || text === 'ALL' || text === '(null)' ? undefined : text.split(',')
  }
  const openTo = list('AllowGroups')
  return dropUndefined<PartitionChoice>({
    name: fields.get('PartitionName') ?? '',
    // A partition that is DOWN still takes jobs, to run when it is up again.
    takesJobs: ['UP', 'DOWN'].includes(fields.get('State') ?? ''),
    isOpen: openTo === undefined || openTo.some((group) => groups.includes(group)),
    allowedAccounts: list('AllowAccounts'),
    deniedAccounts: list('DenyAccounts'),
    allowedQos: list('AllowQos'),
    deniedQos: list('DenyQos'),
    limits: dropUndefined<ChoiceLimits>({
      timeLimitMs: parseSlurmDuration(fields.get('MaxTime') ?? ''),
      nodes: parseCount(fields.get('MaxNodes')),
    }),
  })
}

/** Limits of each quality of service. */
export function parseQos(text: string): ReadonlyMap<string, ChoiceLimits> {
  return new Map(
    parseRows(text, qosFields).map(({ name, maxwall, maxjobspu, maxtres, maxtrespu }) => [
      name,
      narrow(
        buildLimits({ wall: maxwall, jobs: maxjobspu, tres: maxtres }),
        buildLimits({ wall: '', jobs: '', tres: maxtrespu }),
      ),
    ]),
  )
}

/** A user's associations, with what their default quality of service limits further. */
export function parseAssociations(
  text: string,
  qosLimits: ReadonlyMap<string, ChoiceLimits>,
): AccountChoice[] {
  return parseRows(text, associationFields).map((row) => {
    const own = buildLimits({ wall: row.maxwall, jobs: row.maxjobs, tres: row.maxtres })
    const group = buildLimits({ wall: '', jobs: '', tres: row.grptres })
    const limits = narrow(narrow(own, group), qosLimits.get(row.defaultqos) ?? {})
    return dropUndefined<AccountChoice>({
      name: row.account,
      partition: row.partition || undefined,
      qos: row.qos.split(',').filter((name) => name !== ''),
      defaultQos: row.defaultqos || undefined,
      limits,
    })
  })
}

function parseRows<Field extends string>(
  text: string,
  fields: readonly Field[],
): Readonly<Record<Field, string>>[] {
  const lines = text.split('\n').filter((line) => line.includes('|'))
  return lines.map((line) => {
    const values = line.split('|')
    // Every field has its place, if only an empty one.
    return Object.fromEntries(fields.map((field, at) => [field, values[at] ?? ''])) as Record<Field, string>
  })
}

function buildLimits({ wall, jobs, tres }: { wall: string; jobs: string; tres: string }): ChoiceLimits {
  const amounts = new Map(tres.split(',').map((part) => splitOnce(part)))
  return dropUndefined<ChoiceLimits>({
    timeLimitMs: parseSlurmDuration(wall),
    jobs: parseCount(jobs),
    nodes: parseCount(amounts.get('node')),
    cpu: parseCount(amounts.get('cpu')),
    gpu: parseCount(amounts.get('gres/gpu')),
    memoryBytes: parseMemory(amounts.get('mem')),
  })
}

function splitOnce(part: string): [name: string, value: string] {
  const [name = '', value = ''] = part.split('=')
  return [name, value]
}

function parseCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

const memoryUnits: Readonly<Record<string, number>> = {
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
  P: 2 ** 50,
}

/** `64G`; without a unit it is mebibytes. */
function parseMemory(text: string | undefined): number | undefined {
  const [, amount, unit = 'M'] = /^(\d+(?:\.\d+)?)([KMGTP])?$/.exec(text ?? '') ?? []
  return amount === undefined ? undefined : Math.round(Number(amount) * (memoryUnits[unit] ?? 1))
}

/** `60`, `60:00`, `01:00:00`, `2-12`, `2-12:30:00`; undefined for `UNLIMITED` and nothing. */
export function parseSlurmDuration(text: string): number | undefined {
  const match = /^(?:(\d+)-)?(\d+(?::\d+){0,2})$/.exec(text)
  if (match === null) return undefined
  const [, days, clock = ''] = match
  const parts = clock.split(':').map(Number)
  // Alone it is minutes, two are minutes and seconds; after days the first is hours.
  const [hours = 0, minutes = 0, seconds = 0] = days === undefined && parts.length < 3 ? [0, ...parts] : parts
  return (((Number(days ?? 0) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000
}

function dropUndefined<T extends object>(value: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T
}
