import { useLayoutEffect, useRef, useState } from 'react'
import { Link } from 'react-router'

import { portalPage } from '#page-data.ts'
import { paths } from '#paths.ts'
import { IconButton } from '#ui/button.tsx'
import { Mark } from '#ui/icon.tsx'
import './mobile-bar.css'

import { Sidebar } from './sidebar.tsx'

/** The navigation where it is narrow: a bar with a button that opens it as a drawer. */
export function MobileBar() {
  const [open, setOpen] = useState(false)
  return (
    <header className="mobile-bar">
      <Link to={paths.home()} className="sidebar-brand">
        <Mark />
        <span>{portalPage.platformName}</span>
      </Link>
      <IconButton icon="menu" label="Open navigation" aria-expanded={open} onClick={() => setOpen(true)} />
      {open && <Drawer onClose={() => setOpen(false)} />}
    </header>
  )
}

function Drawer({ onClose }: { onClose: () => void }) {
  const ref = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it by the browser's own rule, the click is on the backdrop
    <dialog
      ref={ref}
      className="drawer"
      aria-label="Navigation"
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose()
      }}
    >
      <div className="drawer-close">
        <IconButton icon="close" label="Close navigation" onClick={onClose} />
      </div>
      <Sidebar onNavigate={onClose} />
    </dialog>
  )
}
