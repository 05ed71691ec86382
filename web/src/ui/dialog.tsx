import { type FormEvent, type ReactNode, useId, useLayoutEffect, useRef } from 'react'
import { Button, IconButton } from './button.tsx'
import './dialog.css'
import { Notice } from './notice.tsx'
import { pageTitleId } from './page-header.tsx'

interface DialogProps {
  title: string
  /** Escape, the cross, or the browser's back gesture. Stop rendering the dialog then. */
  onClose: () => void
  size?: 's' | 'm' | 'l'
  children: ReactNode
}

/** Where a dialog begins: at what is to be filled in, or at the button that does nothing. */
const startSelector = '.dialog-body :is(input, select, textarea), .dialog-foot button'

/**
 * A modal dialog while it is rendered. The browser keeps the focus inside and gives it back to where it was; to the heading of the page when
 * that is gone.
 */
export function Dialog({ title, onClose, size = 'm', children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  useLayoutEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    dialog?.querySelector<HTMLElement>(startSelector)?.focus()
    return () => {
      // Closed before it leaves the page, else the browser does not give the focus back.
      dialog?.close()
      requestAnimationFrame(() => {
        if (document.activeElement === document.body) document.getElementById(pageTitleId)?.focus()
      })
    }
  }, [])
  return (
    <dialog
      ref={ref}
      className="dialog"
      data-size={size}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
    >
      <div className="dialog-head">
        <h2 id={titleId}>{title}</h2>
        <IconButton icon="close" label="Close" onClick={onClose} />
      </div>
      {children}
    </dialog>
  )
}

interface DialogFormProps {
  onSubmit: (data: FormData) => void
  onCancel: () => void
  submitLabel: string
  /** Something is destroyed. */
  danger?: boolean
  busy: boolean
  error?: string | undefined
  children: ReactNode
}

/** What most dialogs hold: fields, an error, and two buttons. */
export function DialogForm({
  onSubmit,
  onCancel,
  submitLabel,
  danger,
  busy,
  error,
  children,
}: DialogFormProps) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (!busy) onSubmit(new FormData(event.currentTarget))
  }
  return (
    <form onSubmit={submit}>
      <div className="dialog-body stack">
        {error && (
          <Notice tone="bad" assertive>
            {error}
          </Notice>
        )}
        {children}
      </div>
      <div className="dialog-foot">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" variant={danger ? 'danger' : 'primary'} busy={busy}>
          {submitLabel}
        </Button>
      </div>
    </form>
  )
}

interface ConfirmDialogProps {
  title: string
  /** What will happen, and what cannot be undone. */
  children: ReactNode
  confirmLabel: string
  danger?: boolean
  busy: boolean
  error?: string | undefined
  onConfirm: () => void
  onClose: () => void
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog({
  title,
  children,
  onConfirm,
  onClose,
  confirmLabel,
  ...rest
}: ConfirmDialogProps) {
  return (
    <Dialog title={title} onClose={onClose} size="s">
      <DialogForm {...rest} submitLabel={confirmLabel} onSubmit={onConfirm} onCancel={onClose}>
        <div className="stack gap-s">{children}</div>
      </DialogForm>
    </Dialog>
  )
}
