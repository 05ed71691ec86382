import type { Job } from '#scheduler/job-record.ts'
import { buildTransition } from './job-transition.ts'
import { applyTransitions, type ReconcileContext } from './reconcile-context.ts'
import type { Transition } from './transition.ts'

/**
 * Jobs of a scheduler that was taken out of the configuration: nobody can be asked about them. They are `unknown`, or wait in the queue,
 * and say why; nothing of them is dropped, as the scheduler may come back.
 */
export async function explainStrays(context: ReconcileContext, drivers: readonly string[]): Promise<void> {
  const active = context.store.db
    .selectFrom('jobs')
    .select('key')
    .where('state', 'in', ['queued', 'pending', 'starting', 'running', 'stopping'])
  // An empty list is no SQL.
  const rows = await (drivers.length === 0 ? active : active.where('driver', 'not in', drivers)).execute()
  await applyTransitions(
    context,
    rows.map((row) => row.key),
    (job) => explainStray(job, context),
  )
}

function explainStray(job: Job, { clock, random }: ReconcileContext): Transition | undefined {
  const why = `There is no scheduler named ${job.driver} in the configuration.`
  if (job.state !== 'queued') {
    return buildTransition(job, { state: 'unknown', why }, { nowMs: clock.now(), random })
  }
  if (job.reason === 'no_scheduler') return undefined
  return { change: { reason: 'no_scheduler', message: why }, events: [{ kind: 'warning', message: why }] }
}
