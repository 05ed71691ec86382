import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

import type { RunView } from '@atrium/contract/runs-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { ensureMpiEnvironment, mpiSkipReason } from '../support/mpi-environment.ts'
import { type Platform, runCli, startPlatform } from '../support/platform.ts'

const parts = join(import.meta.dirname, '..', 'support', 'mpi')
const client = join(import.meta.dirname, '..', '..', 'python', 'client', 'src')
const run = promisify(execFile)
const patienceMs = 240_000

/** What a person's notebook does, in an environment with an MPI. */
const notebook = `
import ipyparallel as ipp

def reduce():
    from mpi4py import MPI
    world = MPI.COMM_WORLD
    return world.rank, world.allreduce(world.rank + 1)

def add_up():
    import bodo, numpy, pandas
    def work(rows):
        frame = pandas.DataFrame({"key": numpy.arange(rows) * 7919 % 1000, "value": (numpy.arange(rows) % 977) / 3.0})
        return frame.groupby("key", as_index=False).agg({"value": "sum"}).sort_values("key")
    whole = bodo.gatherv(bodo.jit(work)(1_000_000))
    if bodo.get_rank() == 0:
        pandas.testing.assert_frame_equal(whole.reset_index(drop=True), work(1_000_000).reset_index(drop=True), check_dtype=False)
        return f"{len(whole)} groups equal over {bodo.get_size()} ranks"

with ipp.Cluster(engines="atrium-mpi", n=2, log_level=30) as rc:
    print(sorted(rc[:].apply_sync(reduce)), flush=True)
    print([said for said in rc[:].apply_sync(add_up) if said], flush=True)
`

describe('MPI by atrium run and by ipyparallel', { skip: mpiSkipReason }, () => {
  let platform: Platform
  let prefix: string
  let environment: Record<string, string>

  before(async () => {
    prefix = await ensureMpiEnvironment('bodo')
    platform = await startPlatform({
      config: JSON.stringify({ profiles: [{ name: 'bodo', environment: prefix, default: true }] }),
    })
    await platform.api('POST', '/hub/api/users/nora')
    const { body } = await platform.api<{ token: string }>('POST', '/hub/api/users/nora/tokens', { body: {} })
    environment = { ATRIUM_URL: platform.url, ATRIUM_TOKEN: body.token }
  })
  after(() => platform?.dispose())

  test('Bodo computes on the ranks of a run, and says what pandas says', async () => {
    const command = ['run', '-n', '2', '--', 'python', join(parts, 'bodo_groupby.py')]
    const { code, stdout, stderr } = await runCli(command, environment)
    assert.equal(code, 0, stderr)
    assert.equal(stdout, 'equal to pandas: 1000 groups over 2 ranks, fewer here: True\n')
  })

  test('engines are ranks of one program: they reduce by mpi4py, and compute by Bodo', async () => {
    const asServer = {
      ATRIUM_API_URL: platform.url,
      JUPYTERHUB_API_TOKEN: environment['ATRIUM_TOKEN'],
      PYTHONPATH: client,
    }
    const { stdout } = await run(join(prefix, 'bin', 'python'), ['-c', notebook], {
      env: { PATH: process.env['PATH'], HOME: platform.data, ...asServer },
      timeout: patienceMs,
    })
    assert.equal(stdout, "[(0, 3), (1, 3)]\n['1000 groups equal over 2 ranks']\n")
    await waitFor('nothing to be left', async () => {
      const { body } = await platform.api<{ runs: RunView[] }>('GET', '/api/v1/runs?user=nora&state=active')
      return body.runs.length === 0
    })
  })
})
