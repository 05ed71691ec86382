import { NavLink } from 'react-router'

import './tab-links.css'

interface TabLinksProps {
  /** What the pages have in common, for assistive technology. */
  label: string
  tabs: readonly { label: string; path: string }[]
}

/** Pages that belong together, side by side. */
export function TabLinks({ label, tabs }: TabLinksProps) {
  return (
    <nav className="tab-links" aria-label={label}>
      {tabs.map((tab) => (
        <NavLink key={tab.path} to={tab.path} end className="tab-link">
          {tab.label}
        </NavLink>
      ))}
    </nav>
  )
}
