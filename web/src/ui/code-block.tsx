import { useState } from 'react'
import { Button } from './button.tsx'
import { copyText } from './copy-text.ts'
import './code-block.css'

interface CodeBlockProps {
  /** What it does, for assistive technology. */
  label: string
  code: string
}

/** Some lines to take away, with a button that copies them. */
export function CodeBlock({ label, code }: CodeBlockProps) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    setCopied(await copyText(code))
  }
  return (
    <figure className="code-block" aria-label={label}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what may scroll sideways must be reachable by keyboard */}
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
      <Button size="s" icon={copied ? 'check' : 'copy'} onClick={() => void copy()}>
        {copied ? 'Copied' : 'Copy'}
      </Button>
      <span className="visually-hidden" role="status">
        {copied ? 'Copied to the clipboard' : ''}
      </span>
    </figure>
  )
}
