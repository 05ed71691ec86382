import { startPlatform } from '../../support/platform.ts'
import { ensureTestEnvironment } from '../../support/python-environment.ts'
import type { RunningGateway } from './gateway-player.ts'
import { gatewaySite } from './site.ts'

/** Atrium as the site wants it, in the words of `atrium.yaml`. */
export async function startAtriumGateway(): Promise<RunningGateway> {
  const { worker, most, idleTimeoutS, users } = gatewaySite
  const config = {
    signIn: { pam: 'off' },
    dask: {
      options: ['worker_cores', 'worker_memory', 'environment', 'environment_vars', 'idle_timeout'],
      worker: { cores: worker.cores, memory: `${worker.memoryGib}G` },
      maximum: { workers: most.workers, cores: most.cores, memory: `${most.memoryGib}G` },
      idleTimeout: `${idleTimeoutS}s`,
    },
  }
  const prefix = await ensureTestEnvironment()
  const platform = await startPlatform({ config: JSON.stringify(config), prefix })
  try {
    const tokens: Record<string, string> = {}
    for (const user of users) {
      await platform.api('POST', '/hub/api/users', { body: { usernames: [user] } })
      const made = await platform.api<{ token: string }>('POST', `/hub/api/users/${user}/tokens`, {
        body: {},
      })
      tokens[user] = made.body.token
    }
    return {
      baseUrl: platform.url.replace(/\/$/, ''),
      tokens,
      readLog: () => platform.log(),
      stop: () => platform.dispose(),
    }
  } catch (error) {
    await platform.dispose()
    throw error
  }
}
