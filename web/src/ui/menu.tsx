import { type KeyboardEvent, type ReactNode, useId, useRef } from 'react'
import { Icon, type IconName } from './icon.tsx'
import './menu.css'

export interface MenuItem {
  label: string
  icon?: IconName
  danger?: boolean
  disabled?: boolean
  /** One of several that exclude each other, this one being chosen or not. */
  checked?: boolean
  onSelect: () => void
}

interface MenuProps {
  /** What the button says to assistive technology, and on hover when it shows only a drawing. */
  label: string
  /** Content of the button; three dots if absent. */
  trigger?: ReactNode
  items: readonly MenuItem[]
}

/** A button that opens a list of actions. Arrow keys, Home, End and Escape work as in a native menu. */
export function Menu({ label, trigger, items }: MenuProps) {
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  const popup = useRef<HTMLDivElement>(null)
  const select = (item: MenuItem) => {
    popup.current?.hidePopover()
    button.current?.focus()
    item.onSelect()
  }
  return (
    <>
      <button
        ref={button}
        type="button"
        className={trigger ? 'menu-trigger' : 'button button-quiet button-icon'}
        aria-label={trigger ? undefined : label}
        title={trigger ? undefined : label}
        aria-haspopup="menu"
        popoverTarget={id}
      >
        {trigger ?? <Icon name="more" />}
      </button>
      <div
        ref={popup}
        id={id}
        popover="auto"
        role="menu"
        tabIndex={-1}
        aria-label={label}
        className="menu"
        onBeforeToggle={(event) => {
          if (event.newState === 'open' && button.current) place(event.currentTarget, button.current)
        }}
        onToggle={(event) => {
          if (event.newState === 'open') listItems(event.currentTarget)[0]?.focus()
        }}
        onKeyDown={moveFocus}
      >
        {items.map((item) => (
          <button
            key={item.label}
            type="button"
            role={item.checked === undefined ? 'menuitem' : 'menuitemradio'}
            {...(item.checked !== undefined && { 'aria-checked': item.checked })}
            tabIndex={-1}
            className="menu-item"
            data-danger={item.danger || undefined}
            disabled={item.disabled}
            onClick={() => select(item)}
          >
            {item.icon && <Icon name={item.icon} />}
            <span>{item.label}</span>
            {item.checked && <Icon name="check" />}
          </button>
        ))}
      </div>
    </>
  )
}

function listItems(menu: HTMLElement): HTMLButtonElement[] {
  return [...menu.querySelectorAll<HTMLButtonElement>('[role^=menuitem]:not(:disabled)')]
}

function moveFocus(event: KeyboardEvent<HTMLDivElement>): void {
  const items = listItems(event.currentTarget)
  const at = items.indexOf(document.activeElement as HTMLButtonElement)
  const to: Record<string, number> = {
    ArrowDown: (at + 1) % items.length,
    ArrowUp: (at - 1 + items.length) % items.length,
    Home: 0,
    End: items.length - 1,
  }
  const target = to[event.key]
  if (event.key === 'Tab') event.currentTarget.hidePopover()
  if (target === undefined) return
  event.preventDefault()
  items[target]?.focus()
}

const menuWidth = 224
const rowHeight = 36

/** Below the button, or above it where there is no room; always inside the window. */
function place(menu: HTMLElement, button: HTMLElement): void {
  const box = button.getBoundingClientRect()
  const height = menu.childElementCount * rowHeight + 10
  const above = box.bottom + height + 8 > window.innerHeight && box.top > height
  const left = Math.min(Math.max(8, box.right - menuWidth), window.innerWidth - menuWidth - 8)
  menu.style.left = `${left}px`
  menu.style.top = above ? 'auto' : `${box.bottom + 4}px`
  menu.style.bottom = above ? `${window.innerHeight - box.top + 4}px` : 'auto'
}
