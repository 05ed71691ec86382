import { request } from 'node:http'
import { parseArgs } from 'node:util'

import { findPython } from '#environments/find-python.ts'
import { waitFor } from '#platform/wait-for.ts'

import { findControlSocket, isSocketAlive } from './control-socket.ts'
import { type DataFolder, describeDataFolder } from './data-folder.ts'
import { endAgent, endEdge, killAllJobs } from './end-platform.ts'
import { ensureLocalToken } from './local-administrator.ts'
import { createLocalDriver } from './local-driver.ts'
import { type PlatformFile, readPlatformFile } from './platform-file.ts'

const endWithinMs = 90_000

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    all: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
if (values.data === undefined) throw new Error('--data is missing')

const data = describeDataFolder(values.data)
const running = await readPlatformFile(data)
const wasServing = await isSocketAlive(findControlSocket(data))
if (wasServing) await askToEnd(data, values.all)
else await endLeftOvers(data, values.all)
const said = wasServing || running !== undefined ? 'The platform has ended.' : 'No platform was running.'
const servers = values.all
  ? ' No server of a user is left.'
  : ' Users’ servers run on; `atrium down --all` stops them too.'
console.log(values.json ? JSON.stringify({ ended: wasServing, all: values.all }) : said + servers)
process.exit(0)

/** The control plane ends itself, and what else is asked for, by the book. */
async function askToEnd(folder: DataFolder, all: boolean): Promise<void> {
  const socketPath = findControlSocket(folder)
  const body = JSON.stringify({ servers: all, proxy: true })
  const token = await ensureLocalToken(folder)
  await new Promise<void>((resolve, reject) => {
    const asked = request(
      {
        socketPath,
        method: 'POST',
        path: '/hub/api/shutdown',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
      },
      (answer) => {
        answer.resume()
        if ((answer.statusCode ?? 500) < 300) resolve()
        else reject(new Error(`the control plane refused to end (${answer.statusCode})`))
      },
    )
    asked.once('error', reject)
    asked.end(body)
  })
  await waitFor('the platform to end', async () => (await readPlatformFile(folder)) === undefined, {
    deadlineMs: endWithinMs,
    everyMs: 20,
  })
}

/** The control plane is gone already: its edge, and the jobs if asked for, are ended without it. */
async function endLeftOvers(folder: DataFolder, all: boolean): Promise<void> {
  if (all) {
    refuseElsewhere(await readPlatformFile(folder))
    const { path } = await findPython({ mustBeShared: false, signal: AbortSignal.timeout(endWithinMs) })
    const scheduler = createLocalDriver(folder, path)
    await killAllJobs(scheduler)
    await endAgent(scheduler)
  }
  await endEdge(folder)
}

/** Jobs of a cluster cannot be found without the control plane. */
function refuseElsewhere(last: PlatformFile | undefined): void {
  if (last === undefined || last.driver === 'local') return
  console.error(
    `No control plane runs, and users’ servers run by ${last.driver}. Start the platform, then \`atrium down --all\` again.`,
  )
  process.exit(1)
}
