import { createContext, type ReactNode, useCallback, useContext, useMemo, useRef, useState } from 'react'
import { IconButton } from './button.tsx'
import { Icon } from './icon.tsx'
import './toast.css'

interface ToastMessage {
  id: number
  tone: 'good' | 'bad'
  text: string
}

/** Says that something was done (`done`) or was not (`failed`). Done messages leave by themselves, failures wait to be read. */
export interface Toaster {
  done(text: string): void
  failed(text: string): void
}

const ToastContext = createContext<Toaster | undefined>(undefined)
const shownMs = 5000

/** Holds the messages in the corner; one for the whole portal. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [messages, setMessages] = useState<readonly ToastMessage[]>([])
  const nextId = useRef(1)
  const dismiss = useCallback((id: number) => {
    setMessages((all) => all.filter((message) => message.id !== id))
  }, [])
  const toaster = useMemo<Toaster>(() => {
    const show = (tone: ToastMessage['tone'], text: string) => {
      const id = nextId.current++
      setMessages((all) => [...all.slice(-3), { id, tone, text }])
      if (tone === 'good') setTimeout(() => dismiss(id), shownMs)
    }
    return { done: (text) => show('good', text), failed: (text) => show('bad', text) }
  }, [dismiss])
  return (
    <ToastContext value={toaster}>
      {children}
      <section className="toasts" aria-label="Messages" aria-live="polite">
        {messages.map((message) => (
          <div key={message.id} className="toast" data-tone={message.tone}>
            <Icon name={message.tone === 'good' ? 'check' : 'warning'} />
            <p>{message.text}</p>
            <IconButton icon="close" label="Dismiss" onClick={() => dismiss(message.id)} />
          </div>
        ))}
      </section>
    </ToastContext>
  )
}

/** The way to say something in the corner. */
export function useToast(): Toaster {
  const toaster = useContext(ToastContext)
  if (!toaster) throw new Error('useToast needs a ToastProvider above it')
  return toaster
}
