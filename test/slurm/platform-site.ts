import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

import { type Platform, startPlatform } from '../support/platform.ts'
import { getUnixAccount } from './accounts.ts'
import type { SlurmCluster } from './cluster.ts'

/** The account that the control plane runs as: it has no rights of its own but what sudo(8) gives it. */
export const platformUser = 'atrium'
const root = join(import.meta.dirname, '..', '..')

/** A whole platform as an administrator sets it up on a cluster, next to the cluster's controller. */
export interface PlatformSite {
  platform: Platform
  /** What all hosts see. */
  shared: string
  dispose(): Promise<void>
}

/** Starts it. `config`: more of `atrium.yaml`; `edge` and `slurm`: more of what is said there. */
export async function startPlatformSite(
  cluster: SlurmCluster,
  { edge, slurm, ...config }: { edge?: object; slurm?: object; [section: string]: unknown },
): Promise<PlatformSite> {
  const dir = mkdtempSync(join(cluster.dir, 'platform-'))
  chmodSync(dir, 0o755)
  const { uid, gid } = getUnixAccount(platformUser)
  const [data, shared] = [join(dir, 'data'), join(dir, 'shared')]
  for (const folder of [data, shared]) {
    mkdirSync(folder)
    chownSync(folder, uid, gid)
  }
  const helper = allowHelper(cluster, dir)
  const access = {
    shared,
    mungeSocket: cluster.mungeSocket,
    slurmConf: cluster.env.SLURM_CONF,
    helper: ['sudo', '-n', ...helper.command],
  }
  const clear = () => {
    helper.dispose()
    rmSync(dir, { recursive: true, force: true })
  }
  try {
    const platform = await startPlatform({
      data,
      user: platformUser,
      config: JSON.stringify({
        edge: { host: cluster.controlAddress, ...edge },
        scheduler: { driver: 'slurm', slurm: { ...access, ...slurm } },
        ...config,
      }),
    })
    return { platform, shared, dispose: () => platform.dispose().finally(clear) }
  } catch (error) {
    clear()
    throw error
  }
}

/** As `deploy/slurm/sudoers.example` has it, for a copy that is root's. */
function allowHelper(cluster: SlurmCluster, dir: string): { command: string[]; dispose(): void } {
  const program = join(dir, 'atrium-slurm-helper')
  const config = join(dir, 'slurm-helper.conf')
  copyFileSync(join(root, 'deploy', 'slurm', 'atrium-slurm-helper'), program)
  chmodSync(program, 0o755)
  writeFileSync(config, `slurm_conf = ${cluster.env.SLURM_CONF}\n`)
  const command = [program, '--config', config]
  const rules = `/etc/sudoers.d/${basename(dir).replaceAll('.', '_')}`
  const allowed = ['submit', 'cancel'].map((verb) => [...command, verb].join(' ')).join(', ')
  const text = [
    `Defaults!${program} !requiretty, env_reset, !pam_session, !use_pty`,
    `${platformUser} ALL=(root) NOPASSWD: ${allowed}`,
  ]
  writeFileSync(rules, `${text.join('\n')}\n`, { mode: 0o440 })
  return { command, dispose: () => rmSync(rules, { force: true }) }
}
