import { useQuery } from '@tanstack/react-query'

import { homeQuery } from '#api/jobs.ts'
import { mayUse } from '#page-data.ts'
import { formatBytes } from '#ui/amounts.ts'
import { Card } from '#ui/card.tsx'
import { Meter } from '#ui/meter.tsx'
import { Notice } from '#ui/notice.tsx'

/** How full this person's home is, and what to do when that is too much; nothing while it is not known. */
export function HomeSpace({ user }: { user: string }) {
  const { data: home } = useQuery({ ...homeQuery(user), enabled: mayUse('read:quotas') })
  if (!home || (home.usedBytes === null && !home.message)) return null
  const { usedBytes, sizeBytes, state, message } = home
  return (
    <Card title="Home folder">
      {usedBytes !== null && (
        <Meter
          label="Used"
          used={usedBytes}
          {...(sizeBytes === null ? {} : { limit: sizeBytes })}
          format={formatBytes}
        />
      )}
      {message && (
        <Notice tone={state === 'full' ? 'bad' : 'warn'} title={titles[state]}>
          {message}
        </Notice>
      )}
    </Card>
  )
}

const titles = {
  unknown: 'About your home folder',
  ok: 'About your home folder',
  'nearly-full': 'There is little room left',
  full: 'There is no room left',
} as const
