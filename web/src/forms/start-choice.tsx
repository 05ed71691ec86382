import type { Profile, ProfileAccount } from '@atrium/contract/servers.ts'
import { useState } from 'react'

import { listLimits } from '#api/server-words.ts'
import type { StartChoice } from '#api/servers.ts'
import { SelectField } from '#ui/field.tsx'
import { Notice } from '#ui/notice.tsx'

import { ProfileChoice } from './profile-choice.tsx'

interface StartChoiceFieldsProps {
  profiles: readonly Profile[]
  choice: StartChoice
  onChange: (choice: StartChoice) => void
  /** Cards with descriptions, or a short list. */
  asCards: boolean
}

/** What a server is started with, and where there are accounts what it is charged to. */
export function StartChoiceFields({ profiles, choice, onChange, asCards }: StartChoiceFieldsProps) {
  const chosen = profiles.find(({ name }) => name === choice.profile)
  const [first] = profiles
  return (
    <>
      {first?.unchecked && <Notice tone="warn">{first.unchecked}</Notice>}
      <ProfileChoice
        profiles={profiles}
        value={choice.profile ?? ''}
        onChange={(profile) => onChange(completeChoice(profiles, { ...choice, profile }))}
        asCards={asCards}
      />
      {chosen?.accounts && (
        <AccountChoice
          accounts={chosen.accounts}
          value={choice.account ?? ''}
          onChange={(account) => onChange({ ...choice, account })}
          isShort={!asCards}
        />
      )}
    </>
  )
}

interface AccountChoiceProps {
  accounts: readonly ProfileAccount[]
  value: string
  onChange: (account: string) => void
  /** Limits stand in the list, not under it. */
  isShort: boolean
}

/** Nothing to choose where there is one account, but its limits are told. */
function AccountChoice({ accounts, value, onChange, isShort }: AccountChoiceProps) {
  const limits = listLimits(accounts.find(({ name }) => name === value)?.limits ?? {})
  const told =
    limits.length > 0 ? `At most ${limits.join(', ')}.` : 'What it uses is charged to this account.'
  const [only] = accounts
  if (only && accounts.length === 1) {
    return (
      <p className="muted">
        Charged to {only.name}. {limits.length > 0 && told}
      </p>
    )
  }
  return (
    <SelectField
      label="Account"
      value={value}
      onChange={(event) => onChange(event.target.value)}
      hint={isShort ? undefined : told}
      options={accounts.map((account) => ({ value: account.name, label: describe(account, isShort) }))}
    />
  )
}

/** `biology · 8 h · 2 jobs at a time` in a list that is all there is. */
function describe({ name, isDefault, limits }: ProfileAccount, isShort: boolean): string {
  const title = isDefault ? `${name} (your default)` : name
  return isShort ? [title, ...listLimits(limits)].join(' · ') : title
}

/** The choice of a form: what was wanted as far as there is such a thing, else the defaults. */
export function useStartChoice(profiles: readonly Profile[], wanted: readonly StartChoice[]) {
  return useState<StartChoice>(() => completeChoice(profiles, findWanted(profiles, wanted)))
}

function findWanted(profiles: readonly Profile[], wanted: readonly StartChoice[]): StartChoice {
  const names = profiles.map((profile) => profile.name)
  return wanted.find(({ profile }) => profile !== undefined && names.includes(profile)) ?? {}
}

/** With a profile, and an account that goes with it. */
function completeChoice(profiles: readonly Profile[], { profile, account }: StartChoice): StartChoice {
  const chosen =
    profiles.find(({ name }) => name === profile) ??
    profiles.find(({ isDefault }) => isDefault) ??
    profiles[0]
  const accounts = chosen?.accounts ?? []
  const charged = accounts.find(({ name }) => name === account) ?? accounts[0]
  return {
    ...(chosen && { profile: chosen.name }),
    ...(charged && { account: charged.name }),
  }
}
