import { type ReactNode, useId } from 'react'
import './choice-cards.css'

export interface Choice {
  value: string
  title: string
  description?: string
  /** Short facts under the description: `2 cores`, `4 GB`. */
  facts: readonly string[]
}

interface ChoiceCardsProps {
  legend: ReactNode
  name: string
  choices: readonly Choice[]
  value: string
  onChange: (value: string) => void
}

/** One of a few things that need a word of explanation; radio buttons for the keyboard and assistive technology. */
export function ChoiceCards({ legend, name, choices, value, onChange }: ChoiceCardsProps) {
  const id = useId()
  return (
    <fieldset className="choice-cards">
      <legend>{legend}</legend>
      <div className="choice-grid">
        {choices.map((choice) => (
          <label key={choice.value} className="choice">
            <input
              type="radio"
              name={name}
              value={choice.value}
              checked={choice.value === value}
              onChange={() => onChange(choice.value)}
              aria-describedby={`${id}-${choice.value}`}
            />
            <span className="choice-title">{choice.title}</span>
            <span className="choice-details" id={`${id}-${choice.value}`}>
              {choice.description && <span>{choice.description} </span>}
              {choice.facts.length > 0 && <span className="choice-facts">{choice.facts.join(' · ')}</span>}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}
