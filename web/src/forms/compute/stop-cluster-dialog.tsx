import type { ClusterView } from '@atrium/contract/clusters-api.ts'

import { useStopCluster } from '#api/clusters.ts'
import { formatCount } from '#ui/amounts.ts'
import { ConfirmDialog } from '#ui/dialog.tsx'

/** Asks before a cluster and what it computes are gone. */
export function StopClusterDialog({ cluster, onClose }: { cluster: ClusterView; onClose: () => void }) {
  const stop = useStopCluster()
  const { running, waiting } = cluster.workers
  return (
    <ConfirmDialog
      title="Stop this cluster?"
      confirmLabel="Stop the cluster"
      danger
      busy={stop.isPending}
      error={stop.error?.message}
      onConfirm={() => stop.mutate(cluster.name, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>
        Its scheduler and {formatCount(running + waiting, 'worker')} end; what they compute and hold in memory
        is lost. Notebooks keep running, and can make a new cluster.
      </p>
    </ConfirmDialog>
  )
}
