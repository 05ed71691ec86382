import type { ScheduleView } from '@atrium/contract/runs-api.ts'

import { useDeleteSchedule } from '#api/schedules.ts'
import { ConfirmDialog } from '#ui/dialog.tsx'

interface DeleteScheduleDialogProps {
  schedule: ScheduleView
  onClose: () => void
  /** It is deleted. */
  onGone?: () => void
}

/** Asks before a schedule is gone. */
export function DeleteScheduleDialog({ schedule, onClose, onGone = onClose }: DeleteScheduleDialogProps) {
  const remove = useDeleteSchedule()
  return (
    <ConfirmDialog
      title={`Delete ${schedule.name}?`}
      confirmLabel="Delete"
      danger
      busy={remove.isPending}
      error={remove.error?.message}
      onConfirm={() => remove.mutate(schedule.id, { onSuccess: onGone })}
      onClose={onClose}
    >
      <p>It does not run any more. What it ran, and the results in your files, stay.</p>
    </ConfirmDialog>
  )
}
