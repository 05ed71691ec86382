import { useEffect, useId, useRef, useState } from 'react'
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
  const known = useRef(value)
  // A value that was not typed here, such as the one of a link that was followed, takes the place of the text.
  useEffect(() => {
    if (value === known.current) return
    known.current = value
    setText(value)
  }, [value])
  useEffect(() => {
    if (text === known.current) return
    const timer = setTimeout(() => {
      known.current = text
      onSearch(text)
    }, pauseMs)
    return () => clearTimeout(timer)
  }, [text, onSearch])
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
