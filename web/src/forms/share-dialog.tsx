import type { HubShare } from '@atrium/contract/hub-models.ts'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'

import { messageOf } from '#api/http.ts'
import type { ServerId } from '#api/servers.ts'
import { sharesQuery, useRevokeShare, useShareServer } from '#api/shares.ts'
import { mayUseForAll } from '#page-data.ts'
import { Button } from '#ui/button.tsx'
import { Dialog } from '#ui/dialog.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { SelectField, textOf } from '#ui/field.tsx'
import { Notice } from '#ui/notice.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { Table } from '#ui/table.tsx'

import { NameField } from './name-field.tsx'
import { ShareLinks } from './share-links.tsx'
import './share-dialog.css'

interface ShareDialogProps {
  server: ServerId
  title: string
  onClose: () => void
}

/** Who else may open a server: people, groups, and links. */
export function ShareDialog({ server, title, onClose }: ShareDialogProps) {
  return (
    <Dialog title={`Share ${title}`} onClose={onClose} size="l">
      <div className="dialog-body stack gap-l">
        <p className="muted">
          Whoever may open your server can run code as you and read and change your files. Share with people
          you trust.
        </p>
        <ShareForm server={server} />
        <ShareList server={server} />
        <ShareLinks server={server} />
      </div>
    </Dialog>
  )
}

type ShareKind = 'user' | 'group'

/** Sharing with a name tells whether it exists, so that takes a permission of its own. */
const shareKinds: readonly { value: ShareKind; label: string; scope: string }[] = [
  { value: 'user', label: 'User', scope: 'read:users:name' },
  { value: 'group', label: 'Group', scope: 'read:groups:name' },
]

function ShareForm({ server }: { server: ServerId }) {
  const share = useShareServer(server)
  const kinds = shareKinds.filter(({ scope }) => mayUseForAll(scope))
  const [kind, setKind] = useState<ShareKind>(kinds[0]?.value ?? 'user')
  // A share that went through empties the field.
  const [shared, setShared] = useState(0)
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const name = textOf(new FormData(event.currentTarget), 'name')
    share.mutate(kind === 'group' ? { group: name } : { user: name }, {
      onSuccess: () => setShared((count) => count + 1),
    })
  }
  if (kinds.length === 0) return <p>Share by a link: you have no permission to look up others by name.</p>
  return (
    <form className="stack gap-s" onSubmit={submit}>
      {share.error && (
        <Notice tone="bad" assertive>
          {messageOf(share.error)}
        </Notice>
      )}
      <div className="share-form">
        <SelectField
          label="Share with"
          value={kind}
          options={kinds}
          onChange={(event) => setKind(event.target.value as ShareKind)}
        />
        <NameField key={`${kind} ${shared}`} kind={kind} />
        <Button type="submit" variant="primary" busy={share.isPending}>
          Share
        </Button>
      </div>
    </form>
  )
}

function ShareList({ server }: { server: ServerId }) {
  const shares = useQuery(sharesQuery(server))
  const revoke = useRevokeShare(server)
  if (shares.isLoading) return <Skeleton lines={2} />
  return (
    <section className="framed" aria-label="Shared with">
      <Table
        label="Shared with"
        rows={shares.data ?? []}
        rowKey={(share) => `${share.kind}:${nameOf(share)}`}
        empty={
          <EmptyState icon="users" title="Shared with nobody">
            Name a user or a group above.
          </EmptyState>
        }
        columns={[
          { label: 'Name', cell: nameOf },
          { label: 'Kind', cell: (share) => share.kind },
          {
            label: '',
            srLabel: 'Actions',
            align: 'end',
            cell: (share) => (
              <Button
                size="s"
                aria-label={`Take back from ${nameOf(share)}`}
                onClick={() =>
                  revoke.mutate(share.kind === 'group' ? { group: nameOf(share) } : { user: nameOf(share) })
                }
              >
                Take back
              </Button>
            ),
          },
        ]}
      />
    </section>
  )
}

function nameOf(share: HubShare): string {
  return (share.user ?? share.group)?.name ?? ''
}
