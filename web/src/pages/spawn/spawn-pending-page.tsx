import { useQuery } from '@tanstack/react-query'
import { Link, useParams, useSearchParams } from 'react-router'

import { messageOf } from '#api/http.ts'
import { titleOf } from '#api/server-words.ts'
import { profilesQuery, serversQuery } from '#api/servers.ts'
import { signedInUser } from '#page-data.ts'
import { ServerCard } from '#pages/servers/server-card.tsx'
import { outside, paths } from '#paths.ts'
import { buttonClass } from '#ui/button.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'

/** JupyterHub's page of a start under way: leads on to the server, or to `?next=`, as soon as it is ready. */
export function SpawnPendingPage() {
  const { user = signedInUser().name, server: name = '' } = useParams()
  const [search] = useSearchParams()
  const servers = useQuery(serversQuery(user))
  const profiles = useQuery(profilesQuery(user))
  const server = servers.data?.find((each) => each.name === name)
  return (
    <>
      <PageHeader
        title={server ? `Starting ${titleOf(server)}` : 'Starting'}
        back={<Link to={paths.home()}>Home</Link>}
      />
      {servers.error && (
        <Notice tone="bad" title="This server cannot be shown">
          {messageOf(servers.error)}
        </Notice>
      )}
      {servers.isLoading && <Skeleton lines={4} />}
      {server && (
        <ServerCard
          server={server}
          profiles={profiles.data ?? []}
          opening={{ after: 'any-start', to: localPath(search.get('next')), isPassing: true }}
        />
      )}
      {servers.data && !server && (
        <EmptyState
          icon="play"
          title="This server is not starting"
          actions={
            <a className={buttonClass({ variant: 'primary' })} href={outside.portal(paths.spawn(user, name))}>
              Start it
            </a>
          }
        >
          It does not exist yet, or was removed.
        </EmptyState>
      )}
    </>
  )
}

/** A path of this origin, and nothing else, from a query anybody can write. */
function localPath(next: string | null): string | undefined {
  if (!next) return undefined
  const url = new URL(next, location.origin)
  return url.origin === location.origin ? url.pathname + url.search + url.hash : undefined
}
