import { useEffect, useRef } from 'react'
import './log-view.css'

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals' colour codes begin with the escape character
const colourCodes = /\u001b\[[0-9;?]*[A-Za-z]/g

interface LogViewProps {
  label: string
  text: string
  /** Shown while there is no line yet. */
  placeholder?: string
}

/** Output of a program. Stays at the end while it grows, unless the person has scrolled up. */
export function LogView({ label, text, placeholder = 'No output yet.' }: LogViewProps) {
  const ref = useRef<HTMLPreElement>(null)
  const follows = useRef(true)
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new text moves the view
  useEffect(() => {
    const view = ref.current
    if (view && follows.current) view.scrollTop = view.scrollHeight
  }, [text])
  return (
    <pre
      ref={ref}
      className="log-view"
      role="log"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
      tabIndex={0}
      onScroll={(event) => {
        const view = event.currentTarget
        follows.current = view.scrollHeight - view.scrollTop - view.clientHeight < 24
      }}
    >
      {text ? text.replace(colourCodes, '') : <span className="muted">{placeholder}</span>}
    </pre>
  )
}
