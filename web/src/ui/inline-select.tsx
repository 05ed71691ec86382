import { useId } from 'react'
import type { SelectOption } from './field.tsx'
import './field.css'

interface InlineSelectProps {
  label: string
  value: string
  options: readonly SelectOption[]
  onChange: (value: string) => void
}

/** A choice in a row of filters; its label is for assistive technology, the options speak for themselves. */
export function InlineSelect({ label, value, options, onChange }: InlineSelectProps) {
  const id = useId()
  return (
    <div className="inline-select">
      <label htmlFor={id} className="visually-hidden">
        {label}
      </label>
      <select id={id} className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  )
}
