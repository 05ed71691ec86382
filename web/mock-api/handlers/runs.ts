import { parseCron } from '@atrium/contract/cron.ts'
import { listCronTimes } from '@atrium/contract/cron-times.ts'
import { hasEnded } from '@atrium/contract/jobs.ts'
import type {
  RunDetail,
  RunJob,
  RunList,
  RunView,
  ScheduleList,
  ScheduleRequest,
  ScheduleView,
} from '@atrium/contract/runs-api.ts'

import { MockError, type MockRequest, type MockRoutes } from '#mock-api/router.ts'
import { buildRun, type MockRun } from '#mock-api/seed-runs.ts'
import { streamText } from './servers.ts'

/** Programs run as jobs, and what runs by the clock. What is started goes on for ever. */
export const runRoutes: MockRoutes = {
  'GET /api/v1/runs': listRuns,
  'GET /api/v1/runs/:run': showRun,
  'DELETE /api/v1/runs/:run': cancelRun,
  'POST /api/v1/runs/:run/again': (request) => startRun(request, findRun(request)),
  'GET /api/v1/runs/:run/log': streamLog,
  'GET /api/v1/schedules': listSchedules,
  'POST /api/v1/schedules': createSchedule,
  'GET /api/v1/schedules/:schedule': (request) => showSchedule(request, findSchedule(request)),
  'PATCH /api/v1/schedules/:schedule': (request) =>
    showSchedule(request, Object.assign(findSchedule(request), request.body)),
  'DELETE /api/v1/schedules/:schedule': (request) => {
    const schedule = findSchedule(request)
    request.state.schedules = request.state.schedules.filter((each) => each !== schedule)
  },
  'POST /api/v1/schedules/:schedule/run': runSchedule,
}

function listRuns({ state, url, user }: MockRequest): RunList {
  const { searchParams } = url
  const owner = user?.admin ? searchParams.get('user') : user?.name
  const wanted = searchParams.get('state') ?? 'all'
  const schedule = searchParams.get('schedule')
  const before = Number(searchParams.get('before') ?? Number.POSITIVE_INFINITY)
  const limit = Number(searchParams.get('limit') ?? 100)
  const runs = state.runs.filter(
    (run) =>
      (!owner || run.user === owner) &&
      (!schedule || run.schedule === Number(schedule)) &&
      (wanted === 'all' || hasEnded(run.state) === (wanted === 'ended')) &&
      run.id < before,
  )
  const page = runs.slice(0, limit)
  const last = page.at(-1)
  return { runs: page.map(withoutJobs), ...(runs.length > limit && last && { next: last.id }) }
}

function withoutJobs({ jobList: _, ...view }: MockRun): RunView {
  return view
}

function findRun({ state, user, params }: MockRequest): MockRun {
  const run = state.runs.find(({ id }) => id === Number(params['run']))
  if (!run || !(user?.admin || run.user === user?.name)) {
    throw new MockError(404, 'not_found', `There is no run ${params['run']}.`)
  }
  return run
}

function showRun(request: MockRequest): RunDetail {
  const { searchParams } = request.url
  const run = findRun(request)
  const kind = searchParams.get('jobs') ?? 'all'
  const after = Number(searchParams.get('after') ?? -1)
  const limit = Number(searchParams.get('limit') ?? 100)
  const found = run.jobList.filter(
    (job) => (kind === 'all' || kindOf(job) === kind) && (job.index ?? 0) > after,
  )
  const jobList = found.slice(0, limit)
  const next = found.length > limit ? jobList.at(-1)?.index : undefined
  return { ...run, jobList, ...(next !== undefined && { next }) }
}

function kindOf({ state }: RunJob): string {
  if (state === 'queued' || state === 'pending') return 'waiting'
  return hasEnded(state) ? state : 'running'
}

function cancelRun(request: MockRequest): undefined {
  const run = findRun(request)
  run.state = 'cancelled'
  run.message = `Cancelled by ${request.user?.name}.`
  run.endedAtMs = request.nowMs
}

function startRun({ state, nowMs, user }: MockRequest, like: Partial<MockRun>): RunView {
  const { name, command, tasks, array, schedule } = like
  const states = (like.jobList ?? [undefined]).map(() => 'running' as const)
  const run = buildRun(state.nextId++, nowMs, states, {
    user: user?.name ?? '',
    ...(name && { name }),
    ...(command && { command }),
    ...(tasks && { tasks }),
    ...(array && { array }),
    ...(schedule && { schedule }),
  })
  state.runs.unshift(run)
  return withoutJobs(run)
}

function streamLog(request: MockRequest): Response {
  const run = findRun(request)
  const index = request.url.searchParams.get('index')
  const attempt = request.url.searchParams.get('try')
  const of = [run.name, index && `[${index}]`, attempt && `try ${attempt}`].filter(Boolean).join(' ')
  return streamText('text/plain', request.signal, (sent) => ({
    text: `step ${sent + 1} of ${of}\n`,
    isLast: sent === 11,
  }))
}

function listSchedules(request: MockRequest): ScheduleList {
  const { state, url, user } = request
  const owner = user?.admin ? url.searchParams.get('user') : user?.name
  const schedules = state.schedules.filter((schedule) => !owner || schedule.user === owner)
  return { schedules: schedules.map((schedule) => showSchedule(request, schedule)) }
}

function findSchedule({ state, user, params }: MockRequest): ScheduleView {
  const schedule = state.schedules.find(({ id }) => id === Number(params['schedule']))
  if (!schedule || !(user?.admin || schedule.user === user?.name)) {
    throw new MockError(404, 'not_found', `There is no schedule ${params['schedule']}.`)
  }
  return schedule
}

function showSchedule({ state, nowMs }: MockRequest, schedule: ScheduleView): ScheduleView {
  const { cron, timezone = 'UTC', enabled } = schedule
  const upcomingMs = enabled === false ? [] : listCronTimes(parseCron(cron), timezone, nowMs, 5)
  const lastRun = state.runs.find((run) => run.schedule === schedule.id)
  const [nextAtMs] = upcomingMs
  return {
    ...schedule,
    upcomingMs,
    ...(nextAtMs !== undefined && { nextAtMs }),
    ...(lastRun && { lastRun: withoutJobs(lastRun) }),
  }
}

function createSchedule(request: MockRequest): ScheduleView {
  const { state, user, body, nowMs } = request
  const asked = body as unknown as ScheduleRequest
  if (asked.notebook?.path === 'gone.ipynb') {
    throw new MockError(400, 'invalid_request', 'There is no notebook gone.ipynb in your home.')
  }
  const schedule: ScheduleView = {
    enabled: true,
    ...asked,
    id: state.nextId++,
    user: user?.name ?? '',
    upcomingMs: [],
    variables: [],
    createdAtMs: nowMs,
  }
  state.schedules.push(schedule)
  return showSchedule(request, schedule)
}

function runSchedule(request: MockRequest): RunView {
  const { id, name, run } = findSchedule(request)
  return startRun(request, { name, schedule: id, command: run?.command ?? ['papermill'] })
}
