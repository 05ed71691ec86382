import type { PlatformStatus } from '@atrium/contract/status-api.ts'
import type { Command } from 'commander'

import { type ConnectionOptions, connect } from '#client.ts'
import { formatAgo, print } from '#output.ts'
import { withConnection } from './options.ts'

/** `status`: how the platform is, and what it cannot enforce here. */
export function addStatusCommand(program: Command): void {
  withConnection(program.command('status'))
    .description('show how the platform is: control planes, scheduler, limits, what runs and what waits')
    .action(async (options: ConnectionOptions) => {
      const client = await connect(options)
      print(await client.call<PlatformStatus>('GET', '/api/v1/status'), options, renderStatus)
    })
}

function renderStatus(status: PlatformStatus): string {
  const { scheduler, counts } = status
  const enforced = [scheduler.limits.cpu ? 'cpu' : '', scheduler.limits.memory ? 'memory' : ''].filter(
    (name) => name !== '',
  )
  return [
    `Atrium ${status.version} at ${status.publicUrl}, started ${formatAgo(status.startedAtMs)}`,
    `Store      ${status.store.kind}`,
    `Scheduler  ${scheduler.driver}${scheduler.answers ? '' : ' (does not answer)'}`,
    `Limits     ${enforced.length === 0 ? 'NOT enforced' : `${enforced.join(' and ')} enforced`}: ${scheduler.limits.why}`,
    `Owners     ${scheduler.owners ? "jobs run under their owner's account" : 'all jobs run as the one user there is'}`,
    `Warm start ${scheduler.warmStart ? 'on' : 'off'}`,
    `Users      ${counts.users} in ${counts.groups} groups`,
    `Servers    ${counts.runningServers} running; jobs: ${counts.activeJobs} active, ${counts.waitingJobs} waiting`,
    ...status.replicas.map(
      (replica) =>
        `Replica    ${replica.id}${replica.leads ? ' (leads)' : ''}, seen ${formatAgo(replica.seenAtMs)}`,
    ),
  ].join('\n')
}
