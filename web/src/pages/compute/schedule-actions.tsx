import type { ScheduleView } from '@atrium/contract/runs-api.ts'
import { useState } from 'react'
import { useNavigate } from 'react-router'

import { useRunSchedule } from '#api/schedules.ts'
import { DeleteScheduleDialog } from '#forms/compute/delete-schedule-dialog.tsx'
import { mayUseOf } from '#page-data.ts'
import { paths } from '#paths.ts'
import { Button } from '#ui/button.tsx'
import { Menu, type MenuItem } from '#ui/menu.tsx'
import { useToast } from '#ui/toast.tsx'

/** What can be done with a schedule in a list. */
export function ScheduleMenu({ schedule }: { schedule: ScheduleView }) {
  const [isDeleting, setDeleting] = useState(false)
  const { run } = useRunNow(schedule)
  const navigate = useNavigate()
  if (!mayUseOf('jobs', schedule.user)) return null
  const items: MenuItem[] = [
    { label: 'Run now', icon: 'play', onSelect: run },
    { label: 'Edit…', icon: 'edit', onSelect: () => void navigate(paths.editSchedule(schedule.id)) },
    { label: 'Delete…', icon: 'trash', danger: true, onSelect: () => setDeleting(true) },
  ]
  return (
    <>
      <Menu label={`Actions for ${schedule.name}`} items={items} />
      {isDeleting && <DeleteScheduleDialog schedule={schedule} onClose={() => setDeleting(false)} />}
    </>
  )
}

/** The same on its own page. */
export function ScheduleButtons({ schedule }: { schedule: ScheduleView }) {
  const [isDeleting, setDeleting] = useState(false)
  const { run, isAsking } = useRunNow(schedule)
  const navigate = useNavigate()
  if (!mayUseOf('jobs', schedule.user)) return null
  return (
    <>
      <Button icon="play" busy={isAsking} onClick={run}>
        Run now
      </Button>
      <Button icon="edit" onClick={() => void navigate(paths.editSchedule(schedule.id))}>
        Edit
      </Button>
      <Menu
        label={`More for ${schedule.name}`}
        items={[{ label: 'Delete…', icon: 'trash', danger: true, onSelect: () => setDeleting(true) }]}
      />
      {isDeleting && (
        <DeleteScheduleDialog
          schedule={schedule}
          onClose={() => setDeleting(false)}
          onGone={() => void navigate(paths.schedules(), { replace: true })}
        />
      )}
    </>
  )
}

function useRunNow({ id, name }: ScheduleView): { run: () => void; isAsking: boolean } {
  const now = useRunSchedule()
  const toast = useToast()
  const run = () =>
    now.mutate(id, {
      onSuccess: () => toast.done(`${name} runs.`),
      onError: (error) => toast.failed(error.message),
    })
  return { run, isAsking: now.isPending }
}
