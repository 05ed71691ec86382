import { startPlatformSite } from '../../test/slurm/platform-site.ts'
import { type Platform, startPlatform } from '../../test/support/platform.ts'
import { type GatewayOptions, type GatewayUnderTest, memoryOfOne } from './gateway-under-test.ts'

const user = 'alice'

/** Atrium as a newcomer starts it, or on a Slurm cluster as docs/slurm.md has it. */
export async function startAtriumGateway({ prefix, cluster }: GatewayOptions): Promise<GatewayUnderTest> {
  const config = {
    log: { level: 'warn' },
    dask: {
      worker: { memory: memoryOfOne },
      scheduler: { memory: memoryOfOne },
      maximum: { workers: 20 },
    },
  }
  if (cluster === undefined) {
    const platform = await startPlatform({ prefix, config: JSON.stringify(config) })
    return await describePlatform(platform, () => platform.dispose())
  }
  process.env['ATRIUM_TEST_ENVIRONMENT'] = prefix
  const site = await startPlatformSite(cluster, config)
  return await describePlatform(site.platform, () => site.dispose())
}

async function describePlatform(platform: Platform, stop: () => Promise<void>): Promise<GatewayUnderTest> {
  try {
    await platform.api('POST', `/hub/api/users/${user}`)
    const { body } = await platform.api<{ token: string }>('POST', `/hub/api/users/${user}/tokens`, {
      body: {},
    })
    return {
      name: 'Atrium',
      clientEnvironment: {
        DASK_GATEWAY__ADDRESS: `${platform.url}/gateway`,
        DASK_GATEWAY__AUTH__TYPE: 'jupyterhub',
        JUPYTERHUB_API_TOKEN: body.token,
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
