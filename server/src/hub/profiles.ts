import { PlatformError } from '@atrium/contract/errors.ts'

import type { IdleSettings, ProfileAudience, ProfileConfig, ProfilesConfig } from './profile-config.ts'

/** A profile with everything filled in. */
export interface ServerProfile extends Omit<ProfileConfig, 'title' | 'description' | 'audience' | 'idle'> {
  title: string
  description: string
  audience: ProfileAudience
  isDefault: boolean
  idle: IdleSettings
}

/** Whose server it will be. */
export interface ProfileUser {
  name: string
  groups: readonly string[]
  roles: readonly string[]
}

/** The profiles of this platform. */
export interface Profiles {
  /** Those this user may choose, the default first. */
  list(user: ProfileUser): readonly ServerProfile[]
  /**
   * The profile of this name, or the default one when none is named. Throws `bad_request` for one that does not exist, `forbidden` for
   * one that is not for this user; both name those that are.
   */
  choose(user: ProfileUser, name: string | undefined): ServerProfile
  /** How a server of this profile is treated when it is not used, also if the profile is gone from the configuration since. */
  idleSettings(name: string | null): IdleSettings
}

const onlyProfile: ProfileConfig = { name: 'default', title: 'Notebook server' }

/** Profiles from configuration. */
export function createProfiles(config: ProfilesConfig): Profiles {
  const all = buildProfiles(config)
  const byName = new Map(all.map((profile) => [profile.name, profile]))
  const list = (user: ProfileUser) => all.filter((profile) => isFor(profile.audience, user))
  return {
    list,
    choose(user, name) {
      const allowed = list(user)
      const chosen = name === undefined ? allowed[0] : allowed.find((profile) => profile.name === name)
      if (chosen !== undefined) return chosen
      throw refusal(name, byName.has(name ?? ''), allowed)
    },
    idleSettings: (name) => (name === null ? undefined : byName.get(name))?.idle ?? config.idle,
  }
}

function buildProfiles({ profiles, idle }: ProfilesConfig): readonly ServerProfile[] {
  const configured = profiles.length === 0 ? [onlyProfile] : profiles
  const first = configured.find((profile) => profile.isDefault) ?? configured[0]
  const complete = configured.map(
    (profile): ServerProfile => ({
      ...profile,
      title: profile.title ?? profile.name,
      description: profile.description ?? '',
      audience: { users: [], groups: [], roles: [], ...profile.audience },
      isDefault: profile === first,
      idle: { ...idle, ...profile.idle },
    }),
  )
  return complete.toSorted((a, b) => Number(b.isDefault) - Number(a.isDefault))
}

function isFor({ users, groups, roles }: ProfileAudience, user: ProfileUser): boolean {
  if (users.length + groups.length + roles.length === 0) return true
  return (
    users.includes(user.name) ||
    groups.some((group) => user.groups.includes(group)) ||
    roles.some((role) => user.roles.includes(role))
  )
}

function refusal(
  name: string | undefined,
  exists: boolean,
  allowed: readonly ServerProfile[],
): PlatformError {
  const choices =
    allowed.length === 0
      ? 'No profile is open to this user.'
      : `Choose one of: ${allowed.map((profile) => profile.name).join(', ')}.`
  if (name === undefined) return new PlatformError('forbidden', { message: choices })
  return exists
    ? new PlatformError('forbidden', { message: `The profile "${name}" is not for this user. ${choices}` })
    : new PlatformError('bad_request', { message: `There is no profile "${name}". ${choices}` })
}
