import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { messageOf } from '#api/http.ts'
import { profilesQuery, serversQuery } from '#api/servers.ts'
import { NewServerDialog } from '#forms/new-server-dialog.tsx'
import { signedInUser } from '#page-data.ts'
import { AllAtOnce } from '#pages/layout/all-at-once.tsx'
import { ServerCard } from '#pages/servers/server-card.tsx'
import { Button } from '#ui/button.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'

import { HomeSpace } from './home-space.tsx'
import { ServiceLinks } from './service-links.tsx'
import { SharedWithMe } from './shared-with-me.tsx'

/** Everything a person has here: the servers, what others share, and services. */
export function HomePage() {
  const { name } = signedInUser()
  const [isNaming, setNaming] = useState(false)
  const [namedNow, setNamedNow] = useState<string>()
  const servers = useQuery(serversQuery(name))
  const profiles = useQuery(profilesQuery(name))
  const failure = servers.error ?? profiles.error
  return (
    <>
      <PageHeader
        title="Home"
        description="Your notebook servers."
        actions={
          <Button icon="plus" onClick={() => setNaming(true)}>
            New named server
          </Button>
        }
      />
      {failure && !servers.data && (
        <Notice tone="bad" title="Your servers cannot be shown">
          {messageOf(failure)}
        </Notice>
      )}
      <AllAtOnce>
        {profiles.data &&
          servers.data?.map((server) => (
            <ServerCard
              key={server.name}
              server={server}
              profiles={profiles.data}
              opening={{ after: server.name === namedNow ? 'any-start' : 'own-start' }}
            />
          ))}
        <HomeSpace user={name} />
        <SharedWithMe user={name} />
        <ServiceLinks />
      </AllAtOnce>
      {isNaming && (
        <NewServerDialog
          user={name}
          profiles={profiles.data ?? []}
          taken={servers.data?.map((server) => server.name) ?? []}
          onAsked={setNamedNow}
          onClose={() => setNaming(false)}
        />
      )}
    </>
  )
}
