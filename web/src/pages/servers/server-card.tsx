import { canServer, type Profile, type ServerDetails } from '@atrium/contract/servers.ts'
import { useState } from 'react'
import { stateWords, titleOf } from '#api/server-words.ts'
import { useRemoveServer, useStopServer } from '#api/servers.ts'
import { ShareDialog } from '#forms/share-dialog.tsx'
import { mayUse } from '#page-data.ts'
import { Badge } from '#ui/badge.tsx'
import { Button, buttonClass } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'
import { ConfirmDialog } from '#ui/dialog.tsx'
import { Icon } from '#ui/icon.tsx'
import { Menu, type MenuItem } from '#ui/menu.tsx'
import { useToast } from '#ui/toast.tsx'
import { type Opening, ServerBody } from './server-body.tsx'

interface ServerCardProps {
  server: ServerDetails
  profiles: readonly Profile[]
  /** Default: a start does not lead into the server. */
  opening?: Opening
}

const noOpening: Opening = { after: 'none' }

type OpenDialog = 'stop' | 'remove' | 'share' | undefined

/** One server: how it is, what can be done with it, and what it does meanwhile. */
export function ServerCard({ server, profiles, opening = noOpening }: ServerCardProps) {
  const [dialog, setDialog] = useState<OpenDialog>()
  const close = () => setDialog(undefined)
  const state = stateWords[server.state]
  return (
    <Card
      title={
        <span className="row">
          {titleOf(server)}
          <Badge tone={state.tone} dot={state.moving ? 'pulsing' : 'still'}>
            {state.word}
          </Badge>
        </span>
      }
      actions={<ServerActions server={server} openAt={opening.to ?? server.url} onChoose={setDialog} />}
    >
      <ServerBody server={server} profiles={profiles} opening={opening} />
      {dialog === 'stop' && <StopDialog server={server} onClose={close} />}
      {dialog === 'remove' && <RemoveDialog server={server} onClose={close} />}
      {dialog === 'share' && <ShareDialog server={server} title={titleOf(server)} onClose={close} />}
    </Card>
  )
}

interface ServerActionsProps {
  server: ServerDetails
  openAt: string
  onChoose: (dialog: OpenDialog) => void
}

function ServerActions({ server, openAt, onChoose }: ServerActionsProps) {
  const more: MenuItem[] = []
  if (mayUse('shares') && canServer('share', server.state)) {
    more.push({ label: 'Share…', icon: 'share', onSelect: () => onChoose('share') })
  }
  if (server.name && canServer('remove', server.state)) {
    more.push({ label: 'Delete…', icon: 'trash', danger: true, onSelect: () => onChoose('remove') })
  }
  const isStarting = server.state === 'queued' || server.state === 'starting'
  return (
    <>
      {canServer('open', server.state) && (
        <a className={buttonClass({ variant: 'primary' })} href={openAt}>
          <Icon name="external" />
          <span>Open</span>
        </a>
      )}
      {canServer('stop', server.state) && server.state !== 'failed' && (
        <Button icon="stop" onClick={() => onChoose('stop')}>
          {isStarting ? 'Cancel' : 'Stop'}
        </Button>
      )}
      {more.length > 0 && <Menu label={`More for ${titleOf(server)}`} items={more} />}
    </>
  )
}

interface ServerDialogProps {
  server: ServerDetails
  onClose: () => void
}

function StopDialog({ server, onClose }: ServerDialogProps) {
  const stop = useStopServer()
  const isStarting = server.state === 'queued' || server.state === 'starting'
  return (
    <ConfirmDialog
      title={isStarting ? `Cancel the start of ${titleOf(server)}?` : `Stop ${titleOf(server)}?`}
      confirmLabel={isStarting ? 'Cancel the start' : 'Stop'}
      danger={!isStarting}
      busy={stop.isPending}
      error={stop.error?.message}
      onConfirm={() => stop.mutate(server, { onSuccess: onClose })}
      onClose={onClose}
    >
      {isStarting ? (
        <p>It leaves the queue. You can start it again at any time.</p>
      ) : (
        <p>Running kernels and terminals end, and what they hold in memory is lost. Files are kept.</p>
      )}
    </ConfirmDialog>
  )
}

function RemoveDialog({ server, onClose }: ServerDialogProps) {
  const remove = useRemoveServer()
  const toast = useToast()
  const done = () => {
    toast.done(`${titleOf(server)} is deleted.`)
    onClose()
  }
  return (
    <ConfirmDialog
      title={`Delete ${titleOf(server)}?`}
      confirmLabel="Delete"
      danger
      busy={remove.isPending}
      error={remove.error?.message}
      onConfirm={() => remove.mutate(server, { onSuccess: done })}
      onClose={onClose}
    >
      <p>The named server goes from this list, with its shares. Files in the home folder are kept.</p>
    </ConfirmDialog>
  )
}
