import { useCancelRun } from '#api/runs.ts'
import { ConfirmDialog } from '#ui/dialog.tsx'

/** Asks before the work of a run is lost. */
export function CancelRunDialog({ run, onClose }: { run: number; onClose: () => void }) {
  const cancel = useCancelRun()
  return (
    <ConfirmDialog
      title="Cancel this run?"
      confirmLabel="Cancel the run"
      danger
      busy={cancel.isPending}
      error={cancel.error?.message}
      onConfirm={() => cancel.mutate(run, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>What runs of it ends, and what waits is not started. Files it wrote are kept.</p>
    </ConfirmDialog>
  )
}
