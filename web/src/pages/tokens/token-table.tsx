import type { HubToken } from '@atrium/contract/hub-models.ts'
import { type ReactNode, useState } from 'react'

import { useRevokeTokens } from '#api/tokens.ts'
import { Button } from '#ui/button.tsx'
import { ConfirmDialog } from '#ui/dialog.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { Table } from '#ui/table.tsx'
import { RelativeTime } from '#ui/time.tsx'
import { useToast } from '#ui/toast.tsx'

interface TokenTableProps {
  user: string
  tokens: readonly HubToken[]
  /** Offered where there is no token yet. */
  create?: ReactNode
}

/** Tokens with their permissions, newest first. */
export function TokenTable({ user, tokens, create }: TokenTableProps) {
  const [revoking, setRevoking] = useState<HubToken>()
  const newestFirst = [...tokens].sort((a, b) => b.created.localeCompare(a.created))
  return (
    <>
      <Table
        label="Tokens"
        rows={newestFirst}
        rowKey={(token) => token.id}
        empty={
          <EmptyState icon="key" title="No tokens" actions={create}>
            Make one to reach the API from a script, a notebook elsewhere, or a command line.
          </EmptyState>
        }
        columns={[
          { label: 'Note', cell: (token) => token.note || <span className="muted">No note</span> },
          { label: 'Permissions', cell: (token) => <ScopeList scopes={token.scopes} /> },
          { label: 'Last used', cell: (token) => <OptionalTime at={token.last_activity} none="Never" /> },
          { label: 'Created', secondary: true, cell: (token) => <OptionalTime at={token.created} none="" /> },
          { label: 'Expires', cell: (token) => <OptionalTime at={token.expires_at} none="Never" /> },
          {
            label: '',
            srLabel: 'Actions',
            align: 'end',
            cell: (token) => (
              <Button
                size="s"
                aria-label={`Revoke ${token.note || token.id}`}
                onClick={() => setRevoking(token)}
              >
                Revoke
              </Button>
            ),
          },
        ]}
      />
      {revoking && <RevokeDialog user={user} token={revoking} onClose={() => setRevoking(undefined)} />}
    </>
  )
}

function ScopeList({ scopes }: { scopes: readonly string[] }) {
  const shown = scopes.slice(0, 3)
  const rest = scopes.length - shown.length
  return (
    <span title={scopes.join('\n')}>
      {shown.map((scope) => (
        <code key={scope} className="scope">
          {scope}
        </code>
      ))}
      {rest > 0 && <span className="muted"> and {rest} more</span>}
    </span>
  )
}

function OptionalTime({ at, none }: { at: string | null | undefined; none: string }) {
  return at ? <RelativeTime atMs={Date.parse(at)} /> : <span className="muted">{none}</span>
}

interface RevokeDialogProps {
  user: string
  token: HubToken
  onClose: () => void
}

function RevokeDialog({ user, token, onClose }: RevokeDialogProps) {
  const revoke = useRevokeTokens(user)
  const toast = useToast()
  const done = () => {
    toast.done('The token is revoked.')
    onClose()
  }
  return (
    <ConfirmDialog
      title="Revoke this token?"
      confirmLabel="Revoke"
      danger
      busy={revoke.isPending}
      error={revoke.error?.message}
      onConfirm={() => revoke.mutate([token.id], { onSuccess: done })}
      onClose={onClose}
    >
      <p>Whatever uses “{token.note || token.id}” loses access at once. This cannot be undone.</p>
    </ConfirmDialog>
  )
}
