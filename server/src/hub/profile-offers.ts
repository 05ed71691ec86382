import { PlatformError } from '@atrium/contract/errors.ts'

import type { UnixAccounts } from '#identity/unix-accounts.ts'
import type { User, Users } from '#identity/users.ts'
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import { type FittingAccount, findFit, type OwnerChoices } from '#scheduler/owner-choices.ts'

import { createKnownChoices } from './known-choices.ts'
import type { Profiles, ServerProfile } from './profiles.ts'

/** A profile that a user may start with now. */
export interface ProfileOffer {
  profile: ServerProfile
  /** What it can be charged to, the scheduler's default first. Empty: nothing is charged. */
  accounts: readonly FittingAccount[]
}

/** One that is for the user, but that the scheduler would refuse. */
export interface WithheldProfile {
  profile: ServerProfile
  why: string
}

export interface ProfileOffers {
  /** The default first. */
  offers: readonly ProfileOffer[]
  withheld: readonly WithheldProfile[]
  /** Why nobody could say what the scheduler would refuse: everything is offered then. */
  unchecked?: string
}

/** What a start asks for. */
export interface ProfileWish {
  profile: string | undefined
  account: string | undefined
}

/** The profiles of this platform as far as the scheduler lets a user have them. */
export interface ProfileOfferings {
  list(user: User): Promise<ProfileOffers>
  /**
   * The profile that is wished for, or the first that is offered, with the account it is charged to. Throws as `Profiles.choose` does, and
   * `forbidden` for what the scheduler would refuse.
   */
  choose(user: User, wish: ProfileWish): Promise<ServerProfile>
}

interface ProfileOfferingsOptions {
  profiles: Profiles
  users: Pick<Users, 'groupsOf' | 'rolesOf'>
  accounts: UnixAccounts
  jobs: Pick<Jobs, 'choices'>
  clock: Clock
}

/** What can be an account's name; as in the configuration. */
const accountPattern = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}$/

/** See `ProfileOfferings`. */
export function createProfileOfferings(options: ProfileOfferingsOptions): ProfileOfferings {
  const { profiles, users } = options
  const known = createKnownChoices(options)
  const findAudience = async (user: User) => {
    const [groups, roles] = await Promise.all([users.groupsOf([user.id]), users.rolesOf([user])])
    return { name: user.name, groups: groups.get(user.id) ?? [], roles: roles.get(user.id) ?? [] }
  }
  return {
    async list(user) {
      const [audience, answer] = await Promise.all([findAudience(user), known.find(user)])
      return buildOffers(profiles.list(audience), answer)
    },
    async choose(user, wish) {
      const [audience, answer] = await Promise.all([findAudience(user), known.find(user)])
      const named = wish.profile === undefined ? undefined : profiles.choose(audience, wish.profile)
      const { offers, withheld } = buildOffers(profiles.list(audience), answer)
      const refused = withheld.find(({ profile }) => named === undefined || profile.name === named.name)
      const offer = offers.find(({ profile }) => named === undefined || profile.name === named.name)
      if (offer !== undefined) return chargeTo(offer, wish.account, answer)
      if (refused !== undefined) throw refuseProfile(refused, offers)
      // Nothing is for this user: said in the words of the profiles themselves.
      return profiles.choose(audience, undefined)
    },
  }
}

type Answer = OwnerChoices | { unchecked: string } | undefined

function buildOffers(allowed: readonly ServerProfile[], answer: Answer): ProfileOffers {
  if (answer === undefined || 'unchecked' in answer) {
    return { offers: allowed.map((profile) => ({ profile, accounts: [] })), withheld: [], ...answer }
  }
  const offers: ProfileOffer[] = []
  const withheld: WithheldProfile[] = []
  for (const profile of allowed) {
    const { queue, timeLimitMs, nodes } = profile
    const fit = findFit(answer, {
      ...queue,
      ...(timeLimitMs === undefined ? {} : { timeLimitMs }),
      ...(nodes === undefined ? {} : { nodes }),
    })
    if ('obstacle' in fit) withheld.push({ profile, why: fit.obstacle })
    else offers.push({ profile, accounts: fit.accounts })
  }
  return { offers, withheld }
}

/** The account is named even when it is the scheduler's default: that may not be one for this partition. */
function chargeTo(
  { profile, accounts }: ProfileOffer,
  wanted: string | undefined,
  answer: Answer,
): ServerProfile {
  const fixed = profile.queue?.account
  if (answer === undefined) return profile
  if (wanted !== undefined && fixed !== undefined && wanted !== fixed) {
    throw new PlatformError('forbidden', {
      message: `The profile "${profile.name}" is charged to the account ${fixed}, no other.`,
    })
  }
  const account = fixed ?? wanted ?? accounts[0]?.name
  if (account === undefined) return profile
  const isOffered =
    accounts.length === 0 ? accountPattern.test(account) : accounts.some(({ name }) => name === account)
  if (!isOffered) {
    const names = accounts.map(({ name }) => name).join(', ')
    throw new PlatformError('forbidden', {
      message: `The profile "${profile.name}" cannot be charged to that account.${names === '' ? '' : ` Choose one of: ${names}.`}`,
    })
  }
  return { ...profile, queue: { ...profile.queue, account } }
}

function refuseProfile({ profile, why }: WithheldProfile, offers: readonly ProfileOffer[]): PlatformError {
  const names = offers.map(({ profile }) => profile.name).join(', ')
  const rest = names === '' ? '' : ` Choose one of: ${names}.`
  return new PlatformError('forbidden', {
    message: `The scheduler would refuse the profile "${profile.name}": ${why}${rest}`,
  })
}
