import { accountingFields, parseAccounting } from './accounting-parse.ts'
import { parseLimits } from './limits-parse.ts'
import { runSlurmCommand, type SlurmCommands } from './run-slurm-command.ts'
import { type SlurmClient, SlurmRefusal, type SlurmSubmission } from './slurm-client.ts'
import { isObject, parseJobs, parseNodes } from './slurm-parse.ts'

/** How jobs are submitted and cancelled for their owners: by the privileged helper. */
export interface OwnerCommands {
  submit(submission: SlurmSubmission, options: { signal: AbortSignal }): Promise<number>
  cancel: SlurmClient['cancel']
}

/** Refs in one call of sacct: far below the longest command line. */
const mostRefs = 2000

/** Talks to Slurm by its commands. */
export function createCommandClient(commands: SlurmCommands, owners: OwnerCommands): SlurmClient {
  return {
    async version({ signal }) {
      const text = await runSlurmCommand(commands, 'squeue', ['--version'], { signal })
      return text.trim().replace(/^slurm\S* /, '')
    },
    submit: (submission, { signal }) => owners.submit(submission, { signal }),
    async listJobs({ signal }) {
      const text = await runSlurmCommand(commands, 'squeue', ['--states=all', '--array', '--json'], {
        signal,
      })
      return parseJobs(JSON.parse(text), Date.now())
    },
    async listEnded(refs, { signal }) {
      const parts = Array.from({ length: Math.ceil(refs.length / mostRefs) }, (_, index) =>
        refs.slice(index * mostRefs, (index + 1) * mostRefs),
      )
      const texts = await Promise.all(
        parts.map((part) => runSlurmCommand(commands, 'sacct', buildAccountingArguments(part), { signal })),
      ).catch(tolerateNoAccounting)
      return texts.flatMap(parseAccounting)
    },
    cancel: (owner, refs, options) => owners.cancel(owner, refs, options),
    listNodes: createNodeLister(commands),
    async limits({ signal }) {
      return parseLimits(await runSlurmCommand(commands, 'scontrol', ['show', 'config'], { signal }))
    },
  }
}

/** A cluster that keeps no accounts knows nothing of jobs that have left the queue: an answer, not a failure. */
function tolerateNoAccounting(error: unknown): readonly string[] {
  if (error instanceof SlurmRefusal && /accounting storage is disabled/i.test(error.message)) return []
  throw error
}

function buildAccountingArguments(refs: readonly string[]): string[] {
  return [
    ...['--parsable2', '--noheader', '--allocations', '--duplicates', `--jobs=${refs.join(',')}`],
    // Without a time sacct looks at today only.
    ...['--starttime=1970-01-01', `--format=${accountingFields.join(',')}`],
  ]
}

/** Up to 22.05 only sinfo tells nodes in JSON; from 23.02 on scontrol does, and what sinfo tells are lines of its table. */
function createNodeLister(commands: SlurmCommands): SlurmClient['listNodes'] {
  let hasTable = false
  return async ({ signal }) => {
    if (!hasTable) {
      const answer: unknown = JSON.parse(await runSlurmCommand(commands, 'sinfo', ['--json'], { signal }))
      hasTable = isObject(answer) && 'sinfo' in answer
      if (!hasTable) return parseNodes(answer)
    }
    const text = await runSlurmCommand(commands, 'scontrol', ['show', 'nodes', '--json'], { signal })
    return parseNodes(JSON.parse(text))
  }
}
