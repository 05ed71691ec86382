import {
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from 'react'
import './field.css'

interface FieldBase {
  label: string
  /** A sentence under the field: what is wanted, what follows. */
  hint?: ReactNode
  error?: string | undefined
}

interface FieldFrameProps extends FieldBase {
  id: string
  optional?: boolean
  children: ReactNode
}

function FieldFrame({ id, label, hint, error, optional, children }: FieldFrameProps) {
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {optional && <span className="muted"> (optional)</span>}
      </label>
      {children}
      {hint && (
        <p className="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p className="field-error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  )
}

function describedBy(id: string, { hint, error }: FieldBase): string | undefined {
  return [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || undefined
}

type TextFieldProps = FieldBase & InputHTMLAttributes<HTMLInputElement> & { optional?: boolean }

/** One line of text with its label. */
export function TextField({ label, hint, error, optional, ...rest }: TextFieldProps) {
  const id = useId()
  return (
    <FieldFrame {...{ id, label, hint, error }} {...(optional && { optional })}>
      <input
        type="text"
        spellCheck={false}
        {...rest}
        id={id}
        className="input"
        aria-invalid={error ? true : undefined}
        aria-describedby={describedBy(id, { label, hint, error })}
      />
    </FieldFrame>
  )
}

type TextAreaProps = FieldBase & TextareaHTMLAttributes<HTMLTextAreaElement> & { optional?: boolean }

/** Several lines of text. */
export function TextArea({ label, hint, error, optional, ...rest }: TextAreaProps) {
  const id = useId()
  return (
    <FieldFrame {...{ id, label, hint, error }} {...(optional && { optional })}>
      <textarea
        spellCheck={false}
        {...rest}
        id={id}
        className="input"
        aria-invalid={error ? true : undefined}
        aria-describedby={describedBy(id, { label, hint, error })}
      />
    </FieldFrame>
  )
}

export interface SelectOption {
  value: string
  label: string
}

type SelectFieldProps = FieldBase &
  SelectHTMLAttributes<HTMLSelectElement> & { options: readonly SelectOption[] }

/** One of a few. */
export function SelectField({ label, hint, error, options, ...rest }: SelectFieldProps) {
  const id = useId()
  return (
    <FieldFrame {...{ id, label, hint, error }}>
      <select {...rest} id={id} className="input" aria-describedby={describedBy(id, { label, hint, error })}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </FieldFrame>
  )
}

type CheckboxProps = { label: ReactNode; hint?: ReactNode } & InputHTMLAttributes<HTMLInputElement>

/** Yes or no. */
export function Checkbox({ label, hint, ...rest }: CheckboxProps) {
  const id = useId()
  return (
    <div className="checkbox">
      <input type="checkbox" {...rest} id={id} aria-describedby={hint ? `${id}-hint` : undefined} />
      <label htmlFor={id}>{label}</label>
      {hint && (
        <p className="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}

interface FieldGroupProps {
  legend: string
  hint?: ReactNode
  children: ReactNode
}

/** Fields that answer one question together. */
export function FieldGroup({ legend, hint, children }: FieldGroupProps) {
  return (
    <fieldset className="field-group">
      <legend>{legend}</legend>
      {hint && <p className="field-hint">{hint}</p>}
      {children}
    </fieldset>
  )
}

/** A field's value as text, without the spaces around it. */
export function textOf(data: FormData, name: string): string {
  const value = data.get(name)
  return typeof value === 'string' ? value.trim() : ''
}
