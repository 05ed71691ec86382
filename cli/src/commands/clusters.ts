import type { ClusterDetail, ClusterList, ClusterView } from '@atrium/contract/clusters-api.ts'
import type { Command } from 'commander'

import { type ConnectionOptions, connect } from '#client.ts'
import { CliError, type Column, exitCodes, formatAgo, print, renderTable, writeAll } from '#output.ts'
import { segment, withConnection } from './options.ts'

const columns: readonly Column<ClusterView>[] = [
  { heading: 'CLUSTER', cell: ({ name }) => name },
  { heading: 'USER', cell: ({ user }) => user },
  { heading: 'STATE', cell: ({ state }) => state },
  { heading: 'WORKERS', cell: ({ workers }) => `${workers.running}/${workers.wanted}` },
  { heading: 'CORE HOURS', cell: ({ use }) => use.coreHours.toFixed(2) },
  { heading: 'CREATED', cell: ({ createdAtMs }) => formatAgo(createdAtMs) },
  { heading: 'MESSAGE', cell: ({ message }) => message ?? '' },
]

const workerColumns: readonly Column<ClusterDetail['workerList'][number]>[] = [
  { heading: 'WORKER', cell: ({ name }) => name },
  { heading: 'STATE', cell: ({ state }) => state },
  { heading: 'NODE', cell: ({ node }) => node ?? '' },
  { heading: 'MESSAGE', cell: ({ message }) => message ?? '' },
]

interface ListOptions extends ConnectionOptions {
  user?: string
  all?: boolean
}

/** `clusters`: Dask clusters, which notebooks and programs make by dask_gateway. */
export function addClustersCommands(program: Command): void {
  const clusters = program.command('clusters').description('see, scale and stop Dask clusters')
  const which = ['<cluster>', 'its name, or as much of its beginning as no other has'] as const
  withConnection(clusters.command('list', { isDefault: true }))
    .description('list those that start, run or stop, or all')
    .option('--all', 'what has ended, too')
    .option('--user <name>', 'whose; default: the own ones, or everybody’s for administrators')
    .action(listClusters)
  withConnection(clusters.command('show'))
    .description('show a cluster with its workers')
    .argument(...which)
    .action(showCluster)
  withConnection(clusters.command('logs'))
    .description('print what its scheduler, or a worker, says')
    .argument(...which)
    .option('--worker <name>', 'of this worker')
    .option('-f, --follow', 'go on until it ends')
    .action(printLog)
  withConnection(clusters.command('scale'))
    .description('want so many workers, or as many as it needs between two bounds')
    .argument(...which)
    .argument('<workers>', 'a number, or bounds as 0-10')
    .action(scaleCluster)
  withConnection(clusters.command('stop'))
    .description('stop a cluster')
    .argument(...which)
    .action(stopCluster)
}

async function listClusters(options: ListOptions): Promise<void> {
  const client = await connect(options)
  const query = new URLSearchParams({
    state: options.all ? 'all' : 'active',
    ...(options.user === undefined ? {} : { user: options.user }),
  })
  const { clusters } = await client.call<ClusterList>('GET', `/api/v1/clusters?${query}`)
  const empty = options.all ? 'There was no cluster.' : 'No cluster runs. What has ended: --all.'
  print(clusters, options, (rows) => renderTable(rows, columns, empty))
}

async function showCluster(which: string, options: ConnectionOptions): Promise<void> {
  const { client, path } = await findCluster(which, options)
  const cluster = await client.call<ClusterDetail>('GET', path)
  print(cluster, options, (view) => {
    const { use, currency = '', dashboardUrl, environment, adapt, worker } = view
    const gib = (worker.memoryBytes / 2 ** 30).toFixed(1)
    return [
      renderTable([view], columns, ''),
      '',
      `environment  ${environment}`,
      `worker       ${worker.cpu} cores, ${gib} GiB${worker.gpu > 0 ? `, ${worker.gpu} GPUs` : ''}`,
      ...(adapt === undefined ? [] : [`adapts       ${adapt.minimum} to ${adapt.maximum} workers`]),
      ...(use.cost === undefined ? [] : [`cost         ${use.cost.toFixed(2)} ${currency}`]),
      ...(dashboardUrl === undefined ? [] : [`dashboard    ${new URL(dashboardUrl, client.publicUrl).href}`]),
      '',
      renderTable(view.workerList, workerColumns, 'It has no workers.'),
    ].join('\n')
  })
}

interface LogOptions extends ConnectionOptions {
  worker?: string
  follow?: boolean
}

async function printLog(which: string, options: LogOptions): Promise<void> {
  const { client, path } = await findCluster(which, options)
  const query = new URLSearchParams({
    ...(options.worker === undefined ? {} : { worker: options.worker }),
    ...(options.follow ? { follow: 'true' } : {}),
  })
  for await (const bytes of await client.stream(`${path}/log?${query}`, 'text')) {
    if (options.json) console.log(JSON.stringify({ text: bytes.toString('utf8') }))
    else await writeAll(process.stdout, bytes)
  }
}

async function scaleCluster(which: string, workers: string, options: ConnectionOptions): Promise<void> {
  const wanted = parseWorkers(workers)
  const { client, path } = await findCluster(which, options)
  const answer = await client.call<ClusterDetail & { cut?: string }>('POST', `${path}/scale`, wanted)
  print(answer, options, ({ cut, name }) => cut ?? `Scaling ${name}.`)
}

/** `4`, or `0-10`. */
function parseWorkers(text: string): { workers: number } | { minimum: number; maximum: number } {
  const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text)
  if (match === null) {
    throw new CliError(`${text} is no number of workers.`, {
      hint: 'Give one, as 4, or bounds, as 0-10.',
      exitCode: exitCodes.wrongUsage,
    })
  }
  const [, first, second] = match
  return second === undefined
    ? { workers: Number(first) }
    : { minimum: Number(first), maximum: Number(second) }
}

async function stopCluster(which: string, options: ConnectionOptions): Promise<void> {
  const { client, path, name } = await findCluster(which, options)
  await client.call('DELETE', path)
  print({ stopped: name }, options, () => `Stopping ${name}.`)
}

/** A whole name is asked for as it is; the beginning of one is looked for among those that have not ended, then among all. */
async function findCluster(which: string, options: ConnectionOptions) {
  const client = await connect(options)
  const found = (name: string) => ({ client, name, path: `/api/v1/clusters/${segment(name)}` })
  if (/^[0-9a-f]{32}$/.test(which)) return found(which)
  for (const state of ['active', 'all']) {
    const { clusters } = await client.call<ClusterList>('GET', `/api/v1/clusters?state=${state}`)
    const fitting = clusters.filter(({ name }) => name.startsWith(which))
    if (fitting.length > 1) {
      throw new CliError(`${fitting.length} clusters begin with ${which}.`, {
        hint: `Say which: ${fitting.map(({ name }) => name).join(', ')}`,
      })
    }
    if (fitting[0] !== undefined) return found(fitting[0].name)
  }
  throw new CliError(`There is no cluster ${which}.`, { hint: 'What there is: atrium clusters --all' })
}
