import type { ScheduleView } from '@atrium/contract/runs-api.ts'

import { useChangeSchedule } from '#api/schedules.ts'
import { mayUseOf } from '#page-data.ts'
import { Switch } from '#ui/switch.tsx'
import { useToast } from '#ui/toast.tsx'

/** Whether it runs at its times. */
export function ScheduleSwitch({ schedule: { id, name, user, enabled = true } }: { schedule: ScheduleView }) {
  const change = useChangeSchedule()
  const toast = useToast()
  return (
    <Switch
      label={`Run ${name} at its times`}
      checked={change.isPending ? (change.variables.enabled ?? enabled) : enabled}
      disabled={!mayUseOf('jobs', user)}
      onChange={(checked) =>
        change.mutate({ id, enabled: checked }, { onError: (error) => toast.failed(error.message) })
      }
    />
  )
}
