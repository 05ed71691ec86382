import { access } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'

import { createSystemAccounts } from '#identity/system-accounts.ts'
import { installNodePackage } from '#main/node-package.ts'
import { readPlatformFile } from '#main/platform-file.ts'
import { ensureSharedFolder, getSharedFolder } from '#main/shared-folder.ts'
import { createRest, createSlurmClient } from '#main/slurm-client.ts'
import { chooseHubUrl, type SlurmSection } from '#main/slurm-driver.ts'
import type { StartOptions } from '#main/start-options.ts'
import { createSilentLogger } from '#platform/log.ts'
import type { SlurmCommands } from '#scheduler/drivers/slurm/run-slurm-command.ts'
import type { SlurmOwner } from '#scheduler/drivers/slurm/slurm-client.ts'

import { checkSpace } from './check-machine.ts'
import { checkMunge } from './check-munge.ts'
import { checkAssociation, checkSlurmCommands } from './check-slurm-commands.ts'
import { checkSlurmHelper } from './check-slurm-helper.ts'
import { checkSlurmNodes } from './check-slurm-nodes.ts'
import { checkSlurmRest } from './check-slurm-rest.ts'
import { attempt, type Finding, ok, warn } from './finding.ts'
import { openHubStandIn } from './hub-stand-in.ts'
import type { ProbeSite } from './node-probe.ts'

export interface SlurmCheckOptions {
  start: StartOptions
  /** Whose job looks at the nodes. */
  login: string | undefined
  partitions: readonly string[]
  /** How long a job may wait for a node. */
  patienceMs: number
}

const callTimeoutMs = 20_000
const firstPersonUid = 1000

/** A Slurm site: this machine's way to Slurm, and its nodes as a job sees them. */
export async function checkSlurm(options: SlurmCheckOptions): Promise<readonly Finding[]> {
  const { start } = options
  const section = start.config.scheduler.slurm
  const commands = describeCommands(section)
  const [byCommands, munge, ways, shared] = await Promise.all([
    checkSlurmCommands(commands, section.mpi),
    checkMunge(section.mungeSocket === undefined ? {} : { socket: section.mungeSocket }),
    checkWays(section),
    checkShared(start),
  ])
  const found = [...byCommands, ...munge, ...ways, ...shared]
  const owner = await findOwner(options.login)
  if (owner === undefined) {
    const mend =
      'Name somebody who may use the cluster: --as LOGIN. A short job of theirs looks at the nodes.'
    return [...found, warn('nodes', 'not looked at', mend)]
  }
  const mend = 'Mend what is above first.'
  const nodes = await attempt('nodes', mend, () => checkNodes(options, section, owner))
  return [...found, ...(await checkAssociation(commands, owner.login)), ...nodes]
}

function describeCommands({ commands, slurmConf }: SlurmSection): SlurmCommands {
  return {
    ...(commands === undefined ? {} : { folder: commands }),
    ...(slurmConf === undefined ? {} : { configFile: slurmConf }),
    timeoutMs: callTimeoutMs,
  }
}

/** By whom jobs are submitted: by tokens, by the helper, or by the one while the other is away. */
async function checkWays({ rest, helper }: SlurmSection): Promise<readonly Finding[]> {
  const byHelper = await checkSlurmHelper(helper)
  if (rest === undefined) return byHelper
  const byRest = await checkSlurmRest(rest, createRest(rest, callTimeoutMs), Date.now())
  if (!rest.submits) return [...byRest, ...byHelper]
  const spare = byHelper.map((finding) =>
    finding.status === 'problem'
      ? warn(finding.check, `${finding.text}; only needed while slurmrestd is away`, finding.mend ?? '')
      : finding,
  )
  return [...byRest, ...spare]
}

async function checkShared({ config }: StartOptions): Promise<readonly Finding[]> {
  const root = getSharedFolder(config)
  const mend = `Make it once, for the account that runs the platform: install -d -o ${userInfo().username} -m 0755 ${root}`
  const folder = await attempt('shared folder', mend, async () => {
    await ensureSharedFolder(root)
    return [ok('shared folder', root)]
  })
  return [...folder, ...(await checkSpace('shared folder', root))]
}

async function findOwner(login: string | undefined): Promise<SlurmOwner | undefined> {
  const { username, uid } = userInfo()
  const own = uid >= firstPersonUid ? username : process.env['SUDO_USER']
  const name = login ?? own
  if (name === undefined) return undefined
  const account = await createSystemAccounts().find(name)
  return account === undefined ? undefined : { login: account.login, uid: account.uid, gid: account.gid }
}

async function checkNodes(
  { start, partitions, patienceMs }: SlurmCheckOptions,
  section: SlurmSection,
  owner: SlurmOwner,
): Promise<readonly Finding[]> {
  const site = await describeSite(start, section, { owner, patienceMs })
  const isSecure = site.hubUrl.startsWith('https:')
  const standIn = isSecure ? undefined : await openHubStandIn(start.host, start.port)
  try {
    return await checkSlurmNodes({
      site,
      partitions,
      isHubAbsent: isSecure && (await readPlatformFile(start.data)) === undefined,
    })
  } finally {
    standIn?.close()
  }
}

async function describeSite(
  start: StartOptions,
  section: SlurmSection,
  { owner, patienceMs }: { owner: SlurmOwner; patienceMs: number },
): Promise<ProbeSite> {
  const root = getSharedFolder(start.config)
  const shared = { root, ...(await ensureSharedFolder(root)) }
  const python = section.python ?? (await findPython(start.environmentPrefix))
  const { certificates, mungeSocket, ports } = section
  const publicUrl = start.config.edge.publicUrl ?? `http://${start.host}:${start.port}`
  return {
    client: createSlurmClient(section, { callTimeoutMs, log: createSilentLogger() }),
    ...{ owner, python, patienceMs, shared },
    nodePackage: await installNodePackage(shared.node, python),
    hubUrl: chooseHubUrl(section, publicUrl),
    hubUid: process.getuid?.() ?? 0,
    ...(certificates === undefined ? {} : { hubCertificates: certificates }),
    ...(mungeSocket === undefined ? {} : { mungeSocket }),
    ...(ports === undefined ? {} : { ports }),
  }
}

/** The environment's, which the first start makes; until then the system's. */
async function findPython(prefix: string): Promise<string> {
  const own = join(prefix, 'bin', 'python')
  return await access(own).then(
    () => own,
    () => '/usr/bin/python3',
  )
}
