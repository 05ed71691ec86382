import { canServer, type Profile, type ServerDetails } from '@atrium/contract/servers.ts'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { Link, Navigate, useParams, useSearchParams } from 'react-router'

import { messageOf } from '#api/http.ts'
import { titleOf } from '#api/server-words.ts'
import { profilesQuery, type StartChoice, serversQuery, useStartServer } from '#api/servers.ts'
import { StartForm } from '#forms/start-form.tsx'
import { signedInUser } from '#page-data.ts'
import { FailedStart } from '#pages/servers/failed-start.tsx'
import { paths, withQuery } from '#paths.ts'
import { Card } from '#ui/card.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'

/**
 * JupyterHub's spawn page: starts a server of one's own or, with the permission, of somebody else. With `?profile=`, or where there is
 * nothing to choose, it starts at once; `?next=` is where to go when it is ready.
 */
export function SpawnPage() {
  const { user = signedInUser().name, server: name = '' } = useParams()
  const servers = useQuery(serversQuery(user))
  const profiles = useQuery(profilesQuery(user))
  const error = servers.error ?? profiles.error
  const server = servers.data && findServer(servers.data, user, name)
  return (
    <>
      <PageHeader
        title={`Start ${name || 'your server'}`}
        {...(user !== signedInUser().name && { description: `For ${user}.` })}
        back={<Link to={paths.home()}>Home</Link>}
      />
      {error && (
        <Notice tone="bad" title="This server cannot be shown">
          {messageOf(error)}
        </Notice>
      )}
      {!error && !(server && profiles.data) && <Skeleton lines={4} />}
      {server && profiles.data && <Spawn server={server} profiles={profiles.data} />}
    </>
  )
}

function Spawn({ server, profiles }: { server: ServerDetails; profiles: readonly Profile[] }) {
  const [search] = useSearchParams()
  const wanted = search.get('profile') ?? undefined
  const named = profiles.length === 1 ? profiles[0] : profiles.find((profile) => profile.name === wanted)
  const account = search.get('account') ?? undefined
  const isClear = named !== undefined && (account !== undefined || (named.accounts?.length ?? 0) < 2)
  const pending = withQuery(paths.spawnPending(server.user, server.name), {
    next: search.get('next') ?? undefined,
  })
  const error = useStartAtOnce(
    server,
    isClear ? { profile: named.name, ...(account && { account }) } : undefined,
  )
  if (!canServer('start', server.state)) return <Navigate to={pending} replace />
  if (isClear && !error && server.state === 'stopped') return <Skeleton lines={2} label="Starting" />
  return (
    <Card title={titleOf(server)} description="Choose what it gets. You can choose anew at each start.">
      <div className="stack">
        {error && (
          <Notice tone="bad" title="It cannot start" assertive>
            {messageOf(error)}
          </Notice>
        )}
        {wanted && !named && <Notice tone="warn">There is no profile “{wanted}” that you may use.</Notice>}
        {server.state === 'failed' && <FailedStart server={server} />}
        <StartForm server={server} profiles={profiles} profile={wanted} />
      </div>
    </Card>
  )
}

/** Starts once, if the server is stopped and there is nothing to ask. */
function useStartAtOnce(server: ServerDetails, choice: StartChoice | undefined): Error | null {
  const start = useStartServer()
  const asked = useRef(false)
  const { mutate } = start
  useEffect(() => {
    if (asked.current || choice === undefined || server.state !== 'stopped') return
    asked.current = true
    mutate({ user: server.user, name: server.name, ...choice })
  }, [server, choice, mutate])
  return start.error
}

/** The server, or what a named one that does not exist yet will be. */
function findServer(servers: readonly ServerDetails[], user: string, name: string): ServerDetails {
  const found = servers.find((server) => server.name === name)
  return found ?? { user, name, state: 'stopped', url: '', progressUrl: '' }
}
