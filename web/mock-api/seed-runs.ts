import type { JobState } from '@atrium/contract/jobs.ts'
import type { RunJob, RunView, ScheduleView } from '@atrium/contract/runs-api.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** A run with all its jobs; a page of them is what the API answers. */
export interface MockRun extends RunView {
  jobList: RunJob[]
}

/** A run of jobs in these states, told by the rest. */
export function buildRun(
  id: number,
  createdAtMs: number,
  states: readonly JobState[],
  rest: Partial<MockRun> = {},
): MockRun {
  const count = (...wanted: JobState[]) => states.filter((state) => wanted.includes(state)).length
  const isArray = states.length > 1
  const { state = states[0] ?? 'queued' } = rest
  const hasBegun = state !== 'queued' && state !== 'pending'
  const jobList = states.map((state, index) =>
    buildJob(id, createdAtMs, state, isArray ? index + 1 : undefined),
  )
  return {
    id,
    name: 'solver.py',
    user: 'ada',
    kind: 'batch',
    command: ['python', 'solver.py', '--steps', '4000'],
    tasks: 1,
    prefix: '/var/lib/atrium/environments/default',
    workingDirectory: '/home/ada',
    state,
    jobs: {
      total: states.length,
      waiting: count('queued', 'pending'),
      running: count('starting', 'running', 'stopping', 'unknown'),
      succeeded: count('succeeded'),
      failed: count('failed', 'preempted'),
      cancelled: count('cancelled'),
    },
    createdAtMs,
    ...(isArray ? { array: `1-${states.length}` } : { job: `batch-${id}` }),
    ...(hasBegun && { startedAtMs: createdAtMs + 2_000 }),
    ...(['succeeded', 'failed', 'cancelled'].includes(state) && { endedAtMs: createdAtMs + 4 * minuteMs }),
    ...(state === 'succeeded' && { exitCode: 0 }),
    jobList,
    ...rest,
  }
}

function buildJob(run: number, createdAtMs: number, state: JobState, index: number | undefined): RunJob {
  const hasBegun = state !== 'queued' && state !== 'pending'
  const number = index ?? 0
  return {
    job: `batch-${run}-${number}`,
    state,
    try: hasBegun ? 1 : 0,
    ...(index !== undefined && { index }),
    ...(hasBegun && { node: `node-${(number % 4) + 1}`, startedAtMs: createdAtMs + 2_000 }),
    ...(state === 'succeeded' && { exitCode: 0, endedAtMs: createdAtMs + 40_000 + number * 900 }),
    ...(state === 'failed' && {
      exitCode: 1,
      try: 3,
      message: 'It exited with status 1, three times.',
      endedAtMs: createdAtMs + 50_000,
    }),
  }
}

function arrayOf(length: number, stateOf: (index: number) => JobState): JobState[] {
  return Array.from({ length }, (_, index) => stateOf(index))
}

/** Runs in every state, newest first. `alice` has none. */
export function buildRuns(nowMs: number): MockRun[] {
  const attack = '<img src=x onerror="document.title=\'owned\'">'
  return [
    buildRun(48, nowMs - minuteMs, ['queued'], {
      name: 'train.py',
      command: ['python', 'train.py', '--epochs', '40', '--note', 'two words'],
      message: 'Group astro uses 2 of 2 GPUs. It starts when one is free.',
      place: 3,
      estimatedStartAtMs: nowMs + 22 * minuteMs,
      profile: 'gpu',
    }),
    buildRun(47, nowMs - 3 * minuteMs, ['running'], { tasks: 16, nodes: 2 }),
    buildRun(
      46,
      nowMs - 9 * minuteMs,
      arrayOf(100, (index) =>
        index === 17 || index === 40
          ? 'failed'
          : index < 52
            ? 'succeeded'
            : index < 60
              ? 'running'
              : 'pending',
      ),
      { name: 'one.py', command: ['python', 'one.py'], state: 'running' },
    ),
    buildRun(45, nowMs - hourMs, ['failed'], {
      name: 'mesh',
      command: ['./mesh', '-i', 'wing.stl'],
      exitCode: 139,
      exitSignal: 'SIGSEGV',
      message: 'It was ended by signal SIGSEGV.',
    }),
    ...buildNotebookRuns(nowMs),
    buildRun(
      41,
      nowMs - 2 * dayMs,
      arrayOf(1200, () => 'succeeded'),
      { name: 'sweep.py' },
    ),
    buildRun(40, nowMs - 2 * dayMs, ['cancelled'], { message: 'Cancelled by ada.' }),
    buildRun(39, nowMs - 3 * dayMs, ['failed'], {
      user: 'carla.berg',
      name: attack,
      command: [attack, 'x'.repeat(500)],
      message: `${attack} ${'w'.repeat(300)}`,
      result: `runs/${attack}/${'r'.repeat(120)}.ipynb`,
      schedule: 3,
    }),
  ]
}

function buildNotebookRuns(nowMs: number): MockRun[] {
  return [44, 43, 42].map((id, index) => {
    const isGood = index !== 1
    return buildRun(id, nowMs - (index + 0.2) * dayMs, [isGood ? 'succeeded' : 'failed'], {
      name: 'Daily report',
      command: ['papermill', 'reports/daily.ipynb'],
      schedule: 1,
      result: `runs/daily-report/2026-11-${26 - index}T0600.ipynb`,
      ...(!isGood && { exitCode: 1, message: 'Cell 4 failed: KeyError: “region”.' }),
    })
  })
}

/** What runs by the clock. `alice` has nothing. */
export function buildSchedules(nowMs: number): ScheduleView[] {
  const base = {
    keep: 30,
    overlap: 'skip' as const,
    createdAtMs: nowMs - 60 * dayMs,
    upcomingMs: [],
    variables: [],
  }
  return [
    {
      ...base,
      id: 1,
      user: 'ada',
      name: 'Daily report',
      cron: '0 6 * * 1-5',
      timezone: 'Europe/Berlin',
      enabled: true,
      notebook: { path: 'reports/daily.ipynb', parameters: { region: 'north', days: 7 } },
      run: { profile: 'small', retries: 2 },
      variables: ['API_KEY'],
    },
    {
      ...base,
      id: 2,
      user: 'ada',
      name: 'Fetch catalogue',
      lastMessage: 'There is no profile "medium".',
      cron: '*/30 * * * *',
      timezone: 'UTC',
      enabled: false,
      run: { command: ['python', 'fetch.py', '--since', 'two days ago'] },
    },
    {
      ...base,
      id: 3,
      user: 'carla.berg',
      name: '<img src=x onerror="document.title=\'owned\'">',
      cron: '0 0 1 * *',
      timezone: 'Asia/Kolkata',
      enabled: true,
      notebook: { path: `${'deep/'.repeat(40)}n.ipynb` },
    },
  ]
}
