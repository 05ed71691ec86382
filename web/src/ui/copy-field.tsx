import { useId, useState } from 'react'
import { Button } from './button.tsx'
import './copy-field.css'
import { copyText } from './copy-text.ts'

/** A value to take away, selected on focus, with a button that copies it. */
export function CopyField({ label, value }: { label: string; value: string }) {
  const id = useId()
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    setCopied(await copyText(value))
  }
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="copy-field">
        <input id={id} readOnly value={value} onFocus={(event) => event.currentTarget.select()} />
        <Button icon={copied ? 'check' : 'copy'} onClick={() => void copy()}>
          {copied ? 'Copied' : 'Copy'}
        </Button>
      </div>
      <span className="visually-hidden" role="status">
        {copied ? 'Copied to the clipboard' : ''}
      </span>
    </div>
  )
}
