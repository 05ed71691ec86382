import { type ClusterView, canCluster } from '@atrium/contract/clusters-api.ts'
import { useState } from 'react'

import { ScaleClusterDialog } from '#forms/compute/scale-cluster-dialog.tsx'
import { StopClusterDialog } from '#forms/compute/stop-cluster-dialog.tsx'
import { mayUseOf } from '#page-data.ts'
import { Button, buttonClass } from '#ui/button.tsx'
import { Icon, type IconName } from '#ui/icon.tsx'
import { Menu } from '#ui/menu.tsx'

import { shortNameOf } from './cluster-words.tsx'

interface ClusterActionsProps {
  cluster: ClusterView
  /** Side by side on a cluster's own page, behind one button in a list. */
  place: 'page' | 'row'
}

interface Action {
  dialog: 'scale' | 'stop'
  label: string
  icon: IconName
  danger?: boolean
}

const actions: readonly Action[] = [
  { dialog: 'scale', label: 'Scale…', icon: 'scale' },
  { dialog: 'stop', label: 'Stop…', icon: 'stop', danger: true },
]

/** Dashboard, scale and stop, as far as the cluster's state and the person's rights go. */
export function ClusterActions({ cluster, place }: ClusterActionsProps) {
  const [dialog, setDialog] = useState<Action['dialog']>()
  const close = () => setDialog(undefined)
  const { state, user } = cluster
  const offered = actions.filter((action) => mayUseOf('clusters', user) && canCluster(action.dialog, state))
  return (
    <>
      <div className="row compute-actions">
        <DashboardLink cluster={cluster} place={place} />
        {place === 'page' &&
          offered.map((action) => (
            <Button key={action.dialog} onClick={() => setDialog(action.dialog)}>
              {action.label.replace('…', '')}
            </Button>
          ))}
        {place === 'row' && offered.length > 0 && (
          <Menu
            label={`More for ${shortNameOf(cluster)}`}
            items={offered.map((action) => ({ ...action, onSelect: () => setDialog(action.dialog) }))}
          />
        )}
      </div>
      {dialog === 'scale' && <ScaleClusterDialog cluster={cluster} onClose={close} />}
      {dialog === 'stop' && <StopClusterDialog cluster={cluster} onClose={close} />}
    </>
  )
}

function DashboardLink({ cluster, place }: ClusterActionsProps) {
  const { state, user, dashboardUrl } = cluster
  if (!dashboardUrl || !canCluster('open', state) || !mayUseOf('access:clusters', user)) return null
  return (
    <a
      className={buttonClass(place === 'page' ? { variant: 'primary' } : { size: 's' })}
      href={dashboardUrl}
      target="_blank"
      rel="noopener"
    >
      <Icon name="external" />
      <span>
        Dashboard
        <span className="visually-hidden">
          {place === 'row' && ` of ${shortNameOf(cluster)}`}, in a new tab
        </span>
      </span>
    </a>
  )
}
