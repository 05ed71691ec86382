import type { HubShareCode } from '@atrium/contract/hub-models.ts'
import { useQuery } from '@tanstack/react-query'

import { messageOf } from '#api/http.ts'
import type { ServerId } from '#api/servers.ts'
import { shareCodesQuery, useCreateShareCode, useRevokeShareCode } from '#api/shares.ts'
import { formatCount } from '#ui/amounts.ts'
import { Button } from '#ui/button.tsx'
import { CopyField } from '#ui/copy-field.tsx'
import { Notice } from '#ui/notice.tsx'
import { Table } from '#ui/table.tsx'
import { RelativeTime } from '#ui/time.tsx'

const dayS = 86_400

/** Links that let in whoever opens them after signing in. */
export function ShareLinks({ server }: { server: ServerId }) {
  const { data: codes } = useQuery(shareCodesQuery(server))
  const create = useCreateShareCode(server)
  const revoke = useRevokeShareCode(server)
  const error = create.error ?? revoke.error
  return (
    <section className="stack gap-s" aria-labelledby="share-links">
      <div className="row spread">
        <h3 id="share-links">Links</h3>
        <Button icon="link" busy={create.isPending} onClick={() => create.mutate({ expiresIn: dayS })}>
          New link for a day
        </Button>
      </div>
      {error && (
        <Notice tone="bad" assertive>
          {messageOf(error)}
        </Notice>
      )}
      {create.data && <CopyField label="Copy it now: it is not shown again" value={linkOf(create.data)} />}
      {codes && codes.length > 0 && (
        <div className="framed">
          <Table
            label="Open links"
            rows={codes}
            rowKey={(code) => code.id}
            empty={null}
            columns={[
              { label: 'Made', cell: (code) => <RelativeTime atMs={Date.parse(code.created_at)} /> },
              { label: 'Expires', cell: (code) => expiryOf(code) },
              { label: 'Used', cell: (code) => formatCount(code.exchange_count, 'time') },
              {
                label: '',
                srLabel: 'Actions',
                align: 'end',
                cell: (code) => (
                  <Button size="s" aria-label="End this link" onClick={() => revoke.mutate(code.id)}>
                    End
                  </Button>
                ),
              },
            ]}
          />
        </div>
      )}
    </section>
  )
}

function linkOf({ full_accept_url: full, accept_url: path, code }: HubShareCode): string {
  return full ?? new URL(path ?? `/hub/accept-share?code=${code}`, location.origin).href
}

function expiryOf({ expires_at: at }: HubShareCode) {
  return at ? <RelativeTime atMs={Date.parse(at)} /> : 'never'
}
