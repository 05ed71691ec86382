/** Drawn on a 16 by 16 grid with a stroke of 1.5; decoration only, so the text beside it must say what is meant. */
const shapes = {
  home: 'M2.5 7.2 8 2.6l5.5 4.6M4 6.5v6.7h8V6.5M6.6 13.2V9.6h2.8v3.6',
  key: 'M5.3 13.4a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4ZM7.2 8.8 13 3M10.8 5.2l1.9 1.9M9 7l1.3 1.3',
  activity: 'M1.5 8.5h3L6.5 3l3 10 2-6 .9 1.5h2.1',
  user: 'M8 8.2a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4ZM2.9 13.5c.5-2.3 2.5-3.5 5.1-3.5s4.6 1.2 5.1 3.5',
  users:
    'M6 8a2.3 2.3 0 1 0 0-4.6A2.3 2.3 0 0 0 6 8ZM1.6 13c.4-2 2-3.2 4.4-3.2s4 1.2 4.4 3.2M10.6 3.6a2.2 2.2 0 0 1 0 4.2M12 10.2c1.4.5 2.2 1.4 2.5 2.8',
  group: 'M8 2 2 5l6 3 6-3-6-3ZM2 8l6 3 6-3M2 11l6 3 6-3',
  shield: 'M8 1.9 13 3.7v3.9c0 3.1-2 5.3-5 6.5-3-1.2-5-3.4-5-6.5V3.7L8 1.9ZM5.8 7.9l1.6 1.6 2.9-3',
  jobs: 'M2.5 3.5h11v3.6h-11zM2.5 9.1h11v3.6h-11zM5 5.3v.01M5 10.9v.01',
  compute: 'M8 1.8 13.6 5v6L8 14.2 2.4 11V5L8 1.8ZM2.6 5.1 8 8.2l5.4-3.1M8 8.2v5.8',
  scale: 'M9.5 2.5h4v4M13.2 2.8 9.5 6.5M6.5 13.5h-4v-4M2.8 13.2l3.7-3.7',
  calendar: 'M2.5 3.5h11v10h-11zM2.5 6.5h11M5.5 2v3M10.5 2v3',
  queue: 'M2.5 4h7M2.5 8h5M2.5 12h5M12 9.5V12l1.5 1M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z',
  gauge: 'M3.3 12.7a6 6 0 1 1 9.4 0M8 9.5l2.7-3.2M8 10.3v.01',
  chart: 'M2.5 13.5h11M4.5 11V8M8 11V3.5M11.5 11V6',
  download: 'M8 2.5v7.5M5 7.2 8 10.2l3-3M2.5 13.5h11',
  node: 'M4.5 4.5h7v7h-7zM6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14',
  plug: 'M5.5 2v3.5M10.5 2v3.5M3.8 5.5h8.4V8a4.2 4.2 0 0 1-8.4 0V5.5ZM8 12.2V14.5',
  scroll: 'M4 2.5h8v11H4zM6.3 5.5h3.4M6.3 8h3.4M6.3 10.5h2',
  pulse: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4ZM8 5v3.3M8 10.9v.01',
  signOut: 'M6.5 2.5h-3v11h3M10 5l3 3-3 3M13 8H6.5',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M13 3l-1.1 1.1M4.1 11.9 3 13',
  moon: 'M13.3 9.6A5.7 5.7 0 0 1 6.4 2.7a5.7 5.7 0 1 0 6.9 6.9Z',
  monitor: 'M2 3h12v8H2zM6 13.5h4M8 11v2.5',
  plus: 'M8 3v10M3 8h10',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.3 10.3 13.8 13.8',
  chevronDown: 'm4 6 4 4 4-4',
  chevronRight: 'm6 4 4 4-4 4',
  chevronLeft: 'm10 4-4 4 4 4',
  close: 'm4 4 8 8M12 4l-8 8',
  check: 'm3 8.5 3.3 3.3L13 4.5',
  copy: 'M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1',
  trash: 'M2.5 4.2h11M6 4V2.5h4V4M4 4.2l.6 9.3h6.8l.6-9.3M6.8 6.8v4M9.2 6.8v4',
  more: 'M3.2 8a.3.3 0 1 0 .6 0 .3.3 0 0 0-.6 0ZM7.7 8a.3.3 0 1 0 .6 0 .3.3 0 0 0-.6 0ZM12.2 8a.3.3 0 1 0 .6 0 .3.3 0 0 0-.6 0Z',
  play: 'M5 3.2v9.6L12.5 8 5 3.2Z',
  stop: 'M4 4h8v8H4z',
  external: 'M9.5 2.5h4v4M13.2 2.8 7.5 8.5M11.5 9.5v4h-9v-9h4',
  share:
    'M12 5.5a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6ZM4 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6ZM12 14.1a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6ZM5.6 7.1l4.8-2.5M5.6 8.9l4.8 2.5',
  info: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4ZM8 7.5V11M8 5.1v.01',
  warning: 'M8 2.3 1.7 13.2h12.6L8 2.3ZM8 6.5v3M8 11.3v.01',
  clock: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4ZM8 4.5V8l2.3 1.6',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  terminal: 'M2 3h12v10H2zM4.8 6l2 2-2 2M8.5 10.2h2.7',
  link: 'M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.3-2.3a2.6 2.6 0 0 0-3.7-3.7l-.8.8M9.2 6.8a2.6 2.6 0 0 0-3.7 0L3.2 9.1a2.6 2.6 0 0 0 3.7 3.7l.8-.8',
  mail: 'M2 3.5h12v9H2zM2.3 4l5.7 4.5L13.7 4',
  edit: 'm3 10.5-.5 3 3-.5 7.7-7.7-2.5-2.5L3 10.5Z',
  refresh: 'M13 5.5A5.5 5.5 0 0 0 3 6M3 10.5a5.5 5.5 0 0 0 10-.5M13 2.5v3h-3M3 13.5v-3h3',
  laptop: 'M3.5 3.5h9v6.5h-9zM1.5 12.5h13',
} as const

export type IconName = keyof typeof shapes

/** A small drawing, hidden from assistive technology. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path
        d={shapes[name]}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  )
}

/** The platform's mark: an arch in an arch. */
export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <g fill="none" stroke="#fff" strokeWidth="3" strokeLinecap="round">
        <path d="M8 25V15a8 8 0 0 1 16 0v10" />
        <path d="M13.5 25v-9a2.5 2.5 0 0 1 5 0v9" />
      </g>
    </svg>
  )
}
