import type { HubCreatedToken } from '@atrium/contract/hub-models.ts'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { messageOf } from '#api/http.ts'
import { isPersonalToken, tokensQuery } from '#api/tokens.ts'
import { CreateTokenDialog } from '#forms/create-token-dialog.tsx'
import { signedInUser } from '#page-data.ts'
import { AllAtOnce } from '#pages/layout/all-at-once.tsx'
import { Button } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'
import { CopyField } from '#ui/copy-field.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'

import { ApplicationTable } from './application-table.tsx'
import { TokenTable } from './token-table.tsx'

/** Tokens a person made for scripts and tools, and the applications that may act for them. */
export function TokensPage() {
  const { name } = signedInUser()
  const tokens = useQuery(tokensQuery(name))
  const [isCreating, setCreating] = useState(false)
  const [created, setCreated] = useState<HubCreatedToken>()
  const create = (
    <Button variant="primary" icon="plus" onClick={() => setCreating(true)}>
      New token
    </Button>
  )
  return (
    <>
      <PageHeader
        title="Tokens"
        description="A token lets a script or tool use the platform's API as you, with the permissions you give it."
        actions={create}
      />
      {created && <NewToken token={created} onDone={() => setCreated(undefined)} />}
      {tokens.error && (
        <Notice tone="bad" title="Your tokens cannot be shown">
          {messageOf(tokens.error)}
        </Notice>
      )}
      <AllAtOnce>
        <Card title="Your tokens" flush>
          {tokens.data ? (
            <TokenTable user={name} tokens={tokens.data.filter(isPersonalToken)} create={create} />
          ) : (
            <Skeleton />
          )}
        </Card>
        <Card
          title="Authorised applications"
          description="They got a token when you opened or allowed them. Revoking signs you out of the application."
          flush
        >
          {tokens.data ? (
            <ApplicationTable user={name} tokens={tokens.data.filter((token) => !isPersonalToken(token))} />
          ) : (
            <Skeleton lines={2} />
          )}
        </Card>
      </AllAtOnce>
      {isCreating && (
        <CreateTokenDialog
          user={name}
          onClose={() => setCreating(false)}
          onCreated={(token) => {
            setCreated(token)
            setCreating(false)
          }}
        />
      )}
    </>
  )
}

function NewToken({ token, onDone }: { token: HubCreatedToken; onDone: () => void }) {
  return (
    <Card
      title="Your new token"
      description="Copy it now: only a fingerprint is kept, so it is never shown again."
      actions={<Button onClick={onDone}>Done</Button>}
    >
      <CopyField label={token.note || 'Token'} value={token.token} />
    </Card>
  )
}
