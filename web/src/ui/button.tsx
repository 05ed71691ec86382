import type { ButtonHTMLAttributes, ReactNode } from 'react'
import './button.css'
import { Icon, type IconName } from './icon.tsx'

export type ButtonVariant = 'primary' | 'secondary' | 'quiet' | 'danger'

export interface ButtonLook {
  variant?: ButtonVariant
  size?: 'm' | 's'
}

/** The class of anything that looks like a button, for links of a router or of the browser. */
export function buttonClass({ variant = 'secondary', size = 'm' }: ButtonLook = {}): string {
  return `button button-${variant} button-${size}`
}

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement>, ButtonLook {
  icon?: IconName
  /** Work is under way: pressing does nothing, and the width stays. */
  busy?: boolean
  children: ReactNode
}

/** A button; `type` is `button` unless said otherwise. */
export function Button({ variant, size, icon, busy = false, children, ...rest }: ButtonProps) {
  const look = { ...(variant && { variant }), ...(size && { size }) }
  return (
    <button
      type="button"
      {...rest}
      className={buttonClass(look)}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={busy ? swallow : rest.onClick}
    >
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  )
}

function swallow(event: { preventDefault(): void }): void {
  event.preventDefault()
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  icon: IconName
  /** What it does, for those who do not see the drawing; also the tooltip. */
  label: string
}

/** A square button with only a drawing. */
export function IconButton({ icon, label, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      title={label}
      {...rest}
      aria-label={label}
      className="button button-quiet button-icon"
    >
      <Icon name={icon} />
    </button>
  )
}
