import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from 'react-router'

import { messageOf } from '#api/http.ts'
import { scheduleQuery } from '#api/schedules.ts'
import { ScheduleForm } from '#forms/compute/schedule-form.tsx'
import { paths } from '#paths.ts'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'

/** A schedule is made. */
export function NewSchedulePage() {
  const navigate = useNavigate()
  return (
    <>
      <PageHeader
        title="New schedule"
        description="What runs, and when. Each run is a job of yours, with the quotas of any other."
        back={<Link to={paths.schedules()}>Schedules</Link>}
      />
      <ScheduleForm
        onCancel={() => void navigate(paths.schedules())}
        onDone={({ id }) => void navigate(paths.schedule(id), { replace: true })}
      />
    </>
  )
}

/** A schedule is changed. */
export function EditSchedulePage() {
  const id = Number(useParams()['schedule'])
  const navigate = useNavigate()
  // Asked once: what somebody types is not to be overwritten.
  const { data: schedule, error } = useQuery({ ...scheduleQuery(id), refetchInterval: false })
  const leave = () => void navigate(paths.schedule(id), { replace: true })
  return (
    <>
      <PageHeader
        title={schedule ? `Edit ${schedule.name}` : 'Edit the schedule'}
        back={<Link to={paths.schedule(id)}>{schedule?.name ?? 'Schedule'}</Link>}
      />
      {error && !schedule && <Notice tone="bad">{messageOf(error)}</Notice>}
      {schedule ? (
        <ScheduleForm schedule={schedule} onCancel={leave} onDone={leave} />
      ) : (
        !error && <Skeleton lines={6} />
      )}
    </>
  )
}
