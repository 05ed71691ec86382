import { useNavigate } from 'react-router'

import { signedInUser } from '#page-data.ts'
import { outside, paths } from '#paths.ts'
import type { IconName } from '#ui/icon.tsx'
import { Icon } from '#ui/icon.tsx'
import { Menu, type MenuItem } from '#ui/menu.tsx'
import { type ThemeChoice, useTheme } from '#ui/theme.ts'

const themes: readonly [ThemeChoice, string, IconName][] = [
  ['system', "System's theme", 'monitor'],
  ['light', 'Light', 'sun'],
  ['dark', 'Dark', 'moon'],
]

/** Who is signed in; theme and sign-out behind it. */
export function UserMenu() {
  const { name } = signedInUser()
  const [theme, chooseTheme] = useTheme()
  const navigate = useNavigate()
  const items: MenuItem[] = [
    { label: 'Account', icon: 'user', onSelect: () => void navigate(paths.account()) },
    ...themes.map(([choice, label, icon]) => ({
      label,
      icon,
      checked: theme === choice,
      onSelect: () => chooseTheme(choice),
    })),
    { label: 'Sign out', icon: 'signOut', onSelect: () => location.assign(outside.logout()) },
  ]
  const trigger = (
    <>
      <span className="avatar" aria-hidden="true">
        {[...name][0]}
      </span>
      <span className="user-menu-name">{name}</span>
      <Icon name="chevronDown" />
    </>
  )
  return (
    <div className="user-menu">
      <Menu label="Your menu" trigger={trigger} items={items} />
    </div>
  )
}
