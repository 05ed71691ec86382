import { useEffect, useId, useState } from 'react'
import { Icon } from './icon.tsx'
import './search-field.css'

interface SearchFieldProps {
  label: string
  placeholder?: string
  value: string
  /** Called a moment after the last key. */
  onSearch: (text: string) => void
}

const pauseMs = 200

/** Search as one types. */
export function SearchField({ label, placeholder, value, onSearch }: SearchFieldProps) {
  const id = useId()
  const [text, setText] = useState(value)
  useEffect(() => {
    if (text === value) return
    const timer = setTimeout(() => onSearch(text), pauseMs)
    return () => clearTimeout(timer)
  }, [text, value, onSearch])
  return (
    <div className="search-field">
      <label htmlFor={id} className="visually-hidden">
        {label}
      </label>
      <Icon name="search" />
      <input
        id={id}
        type="search"
        className="input"
        placeholder={placeholder ?? label}
        value={text}
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
      />
    </div>
  )
}
