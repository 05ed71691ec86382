import type { QueueOptions } from './job.ts'

/** What the scheduler lets one of its users ask for. Names are the scheduler's own. */
export interface OwnerChoices {
  /** False: it asks for no account, and takes any. */
  bindsAccounts: boolean
  /** False: it takes any quality of service. */
  bindsQos: boolean
  /** What the user may charge jobs to. */
  accounts: readonly AccountChoice[]
  /** Charged when a job names none. */
  defaultAccount?: string
  partitions: readonly PartitionChoice[]
  defaultPartition?: string
}

/** Limits that a person should know of before choosing. Absent ones are not set. */
export interface ChoiceLimits {
  timeLimitMs?: number
  /** Jobs at a time. */
  jobs?: number
  nodes?: number
  cpu?: number
  gpu?: number
  memoryBytes?: number
}

/** One account a user may charge; several of the same name where partitions differ. */
export interface AccountChoice {
  name: string
  /** Only there. Absent: everywhere. */
  partition?: string
  qos: readonly string[]
  defaultQos?: string
  limits: ChoiceLimits
}

export interface PartitionChoice {
  name: string
  /** New jobs are taken, if only to wait. */
  takesJobs: boolean
  /** The user's groups may use it. */
  isOpen: boolean
  /** Absent: all but `denied…`. */
  allowedAccounts?: readonly string[]
  deniedAccounts?: readonly string[]
  allowedQos?: readonly string[]
  deniedQos?: readonly string[]
  limits: ChoiceLimits
}

/** What a job would ask for. */
export interface ChoiceWish extends Pick<QueueOptions, 'partition' | 'account' | 'qos'> {
  timeLimitMs?: number
  nodes?: number
}

/** An account that fits, with what holds there. */
export interface FittingAccount {
  name: string
  isDefault: boolean
  limits: ChoiceLimits
}

export type ChoiceFit =
  /** `accounts` is empty where none is asked for; the default one stands first. */
  { accounts: readonly FittingAccount[] } | { obstacle: string }

/** Which of the user's accounts a job could be charged to, or why it can never run. */
export function findFit(choices: OwnerChoices, wish: ChoiceWish): ChoiceFit {
  const name = wish.partition ?? choices.defaultPartition
  const partition = choices.partitions.find((each) => each.name === name)
  const obstacle = findPartitionObstacle(partition, name, wish)
  if (obstacle !== undefined) return { obstacle }
  if (!choices.bindsAccounts) return { accounts: [] }
  const own = choices.accounts.filter(({ name }) => wish.account === undefined || name === wish.account)
  if (own.length === 0) {
    return {
      obstacle:
        wish.account === undefined
          ? 'The user has no account with the scheduler.'
          : `The user has no share of the account ${wish.account}.`,
    }
  }
  const here = own.filter((account) => isAllowed(account, partition))
  if (here.length === 0) return { obstacle: `No account of the user is for the partition ${name}.` }
  const fitting = here.filter((account) => fitsQos(choices, account, partition, wish.qos))
  if (fitting.length === 0)
    return { obstacle: `No account of the user has the quality of service ${wish.qos}.` }
  return buildFit(choices, fitting, partition, wish)
}

function findPartitionObstacle(
  partition: PartitionChoice | undefined,
  name: string | undefined,
  wish: ChoiceWish,
): string | undefined {
  if (partition === undefined) return name === undefined ? undefined : `There is no partition ${name}.`
  if (!partition.isOpen) return `The partition ${name} is not open to the user's groups.`
  if (!partition.takesJobs) return `The partition ${name} takes no jobs at present.`
  return findLimitObstacle(partition.limits, wish, `the partition ${name}`)
}

function findLimitObstacle(
  { timeLimitMs, nodes }: ChoiceLimits,
  wish: ChoiceWish,
  whose: string,
): string | undefined {
  if ((wish.timeLimitMs ?? 0) > (timeLimitMs ?? Number.POSITIVE_INFINITY)) {
    return `Its time limit is above that of ${whose}.`
  }
  if ((wish.nodes ?? 1) > (nodes ?? Number.POSITIVE_INFINITY)) return `It has more nodes than ${whose} gives.`
  return undefined
}

function isAllowed({ name, partition: own }: AccountChoice, partition: PartitionChoice | undefined): boolean {
  if (own !== undefined && own !== partition?.name) return false
  const { allowedAccounts, deniedAccounts = [] } = partition ?? {}
  return allowedAccounts === undefined ? !deniedAccounts.includes(name) : allowedAccounts.includes(name)
}

function fitsQos(
  { bindsQos }: OwnerChoices,
  account: AccountChoice,
  partition: PartitionChoice | undefined,
  wanted: string | undefined,
): boolean {
  if (!bindsQos) return true
  const qos = wanted ?? account.defaultQos
  if (qos === undefined) return true
  const { allowedQos, deniedQos = [] } = partition ?? {}
  const isAllowedHere = allowedQos === undefined ? !deniedQos.includes(qos) : allowedQos.includes(qos)
  return isAllowedHere && account.qos.includes(qos)
}

function buildFit(
  { defaultAccount }: OwnerChoices,
  fitting: readonly AccountChoice[],
  partition: PartitionChoice | undefined,
  wish: ChoiceWish,
): ChoiceFit {
  const byName = new Map<string, AccountChoice>()
  // What is said of one partition is nearer than what is said of all.
  for (const account of fitting.toSorted((a, b) => Number(!!a.partition) - Number(!!b.partition))) {
    byName.set(account.name, account)
  }
  const obstacles = [...byName.values()].map((account) =>
    findLimitObstacle(account.limits, wish, `the account ${account.name}`),
  )
  const accounts = [...byName.values()].filter((_, index) => obstacles[index] === undefined)
  const [obstacle] = obstacles
  if (accounts.length === 0 && obstacle !== undefined) return { obstacle }
  return {
    accounts: accounts
      .map(({ name, limits }) => ({
        name,
        isDefault: name === defaultAccount,
        limits: narrow(limits, partition?.limits ?? {}),
      }))
      .toSorted((a, b) => Number(b.isDefault) - Number(a.isDefault) || a.name.localeCompare(b.name)),
  }
}

const limitNames = ['timeLimitMs', 'jobs', 'nodes', 'cpu', 'gpu', 'memoryBytes'] as const

/** Both hold: the smaller ones. */
export function narrow(a: ChoiceLimits, b: ChoiceLimits): ChoiceLimits {
  const limits: ChoiceLimits = {}
  for (const name of limitNames) {
    const least = Math.min(a[name] ?? Number.POSITIVE_INFINITY, b[name] ?? Number.POSITIVE_INFINITY)
    if (Number.isFinite(least)) limits[name] = least
  }
  return limits
}
