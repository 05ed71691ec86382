import { Link, NavLink } from 'react-router'

import { portalPage } from '#page-data.ts'
import { paths } from '#paths.ts'
import { Icon, Mark } from '#ui/icon.tsx'
import './sidebar.css'

import { listNavigation } from './navigation.ts'
import { UserMenu } from './user-menu.tsx'

/** Where one can go, and who one is. `onNavigate` closes the drawer it may stand in. */
export function Sidebar({ onNavigate }: { onNavigate?: () => void }) {
  return (
    <div className="sidebar">
      <Link to={paths.home()} className="sidebar-brand" onClick={onNavigate}>
        <Mark />
        <span>{portalPage.platformName}</span>
      </Link>
      <nav aria-label="Main">
        {listNavigation().map(({ title, items }) => (
          <div key={title} className="sidebar-section">
            <p className="sidebar-title" id={`nav-${title}`}>
              {title}
            </p>
            <ul aria-labelledby={`nav-${title}`}>
              {items.map((item) => (
                <li key={item.path}>
                  <NavLink
                    to={item.path}
                    end={item.exact ?? false}
                    className="sidebar-link"
                    onClick={onNavigate}
                  >
                    <Icon name={item.icon} />
                    {item.label}
                  </NavLink>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <UserMenu />
    </div>
  )
}
