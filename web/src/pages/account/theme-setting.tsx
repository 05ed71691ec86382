import { ChoiceCards } from '#ui/choice-cards.tsx'
import { type ThemeChoice, useTheme } from '#ui/theme.ts'

const choices = [
  { value: 'system', title: 'System', description: 'As your machine is set.', facts: [] },
  { value: 'light', title: 'Light', facts: [] },
  { value: 'dark', title: 'Dark', facts: [] },
] as const

/** Light, dark, or as the system. */
export function ThemeSetting() {
  const [theme, chooseTheme] = useTheme()
  return (
    <ChoiceCards
      legend="Theme, in this browser"
      name="theme"
      choices={choices}
      value={theme}
      onChange={(choice) => chooseTheme(choice as ThemeChoice)}
    />
  )
}
