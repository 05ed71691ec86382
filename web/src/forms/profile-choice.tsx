import type { Profile } from '@atrium/contract/servers.ts'
import { useId } from 'react'

import { listProfileFacts } from '#api/server-words.ts'
import { ChoiceCards } from '#ui/choice-cards.tsx'
import { SelectField } from '#ui/field.tsx'

interface ProfileChoiceProps {
  profiles: readonly Profile[]
  value: string
  onChange: (profile: string) => void
  /** Cards with descriptions, or a short list. */
  asCards: boolean
}

/** What a server gets: nothing to choose where there is one profile. */
export function ProfileChoice({ profiles, value, onChange, asCards }: ProfileChoiceProps) {
  const name = useId()
  const [only] = profiles
  if (profiles.length === 1 && only) {
    const facts = [only.description, ...listProfileFacts(only)].filter(Boolean)
    return <p className="muted">{facts.join(' · ') || 'Ready to start.'}</p>
  }
  if (!asCards) {
    return (
      <SelectField
        label="Profile"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        options={profiles.map((profile) => ({
          value: profile.name,
          label: [profile.title, ...listProfileFacts(profile)].join(' · '),
        }))}
      />
    )
  }
  return (
    <ChoiceCards
      legend="Profile"
      name={name}
      value={value}
      onChange={onChange}
      choices={profiles.map((profile) => ({
        value: profile.name,
        title: profile.title,
        description: profile.description,
        facts: listProfileFacts(profile),
      }))}
    />
  )
}
