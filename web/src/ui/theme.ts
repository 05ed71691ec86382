import { useState } from 'react'

/** What the person chose; `system` follows the machine. */
export type ThemeChoice = 'system' | 'light' | 'dark'

const storageKey = 'atrium-theme'

/** The chosen theme, and how to choose. Kept in this browser; `public/theme.js` applies it before the first paint. */
export function useTheme(): [ThemeChoice, (choice: ThemeChoice) => void] {
  const [theme, setTheme] = useState(readTheme)
  const choose = (choice: ThemeChoice) => {
    setTheme(choice)
    if (choice === 'system') delete document.documentElement.dataset['theme']
    else document.documentElement.dataset['theme'] = choice
    try {
      localStorage.setItem(storageKey, choice)
    } catch {
      // Storage is blocked: the choice holds for this page.
    }
  }
  return [theme, choose]
}

function readTheme(): ThemeChoice {
  const applied = document.documentElement.dataset['theme']
  return applied === 'light' || applied === 'dark' ? applied : 'system'
}
