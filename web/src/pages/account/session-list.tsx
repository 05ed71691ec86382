import type { BrowserSession } from '@atrium/contract/account.ts'
import { useQuery } from '@tanstack/react-query'

import { sessionsQuery, useEndSession } from '#api/account.ts'
import { messageOf } from '#api/http.ts'
import { outside } from '#paths.ts'
import { Badge } from '#ui/badge.tsx'
import { Button, buttonClass } from '#ui/button.tsx'
import { Notice } from '#ui/notice.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { Table } from '#ui/table.tsx'
import { RelativeTime } from '#ui/time.tsx'
import { useToast } from '#ui/toast.tsx'

import { describeBrowser } from './describe-browser.ts'

/** The browsers a person is signed in with, this one first. */
export function SessionList() {
  const { data, error } = useQuery(sessionsQuery)
  if (error && !data) return <Notice tone="bad">{messageOf(error)}</Notice>
  if (!data) return <Skeleton lines={2} />
  const thisFirst = [...data].sort((a, b) => Number(b.current) - Number(a.current))
  return (
    <Table
      label="Browsers"
      rows={thisFirst}
      rowKey={(session) => session.id}
      empty={null}
      columns={[
        { label: 'Browser', cell: (session) => <Browser session={session} /> },
        { label: 'Address', cell: (session) => session.remote },
        { label: 'Signed in', cell: (session) => <RelativeTime atMs={session.createdAtMs} /> },
        { label: 'Last used', cell: (session) => <RelativeTime atMs={session.lastActivityAtMs} /> },
        { label: '', srLabel: 'Actions', align: 'end', cell: (session) => <SignOut session={session} /> },
      ]}
    />
  )
}

function Browser({ session }: { session: BrowserSession }) {
  return (
    <span className="row">
      {describeBrowser(session.userAgent)}
      {session.current && <Badge tone="good">This one</Badge>}
    </span>
  )
}

function SignOut({ session }: { session: BrowserSession }) {
  const end = useEndSession()
  const toast = useToast()
  if (session.current) {
    return (
      <a className={buttonClass({ size: 's' })} href={outside.logout()}>
        Sign out
      </a>
    )
  }
  const browser = describeBrowser(session.userAgent)
  return (
    <Button
      size="s"
      busy={end.isPending}
      aria-label={`Sign out ${browser}`}
      onClick={() =>
        end.mutate(session.id, {
          onSuccess: () => toast.done(`${browser} is signed out.`),
          onError: (error) => toast.failed(error.message),
        })
      }
    >
      Sign out
    </Button>
  )
}
