import { readFileSync } from 'node:fs'

import { type KubernetesCluster, openKubernetesCluster } from './cluster.ts'

const descriptionFile = process.env['ATRIUM_TEST_KUBERNETES']

/** Why tests that need Kubernetes are skipped here; false when they run. For the `skip` of a test or suite. */
export const kubernetesSkipReason: string | false =
  descriptionFile !== undefined && descriptionFile !== ''
    ? false
    : 'no Kubernetes cluster: start one by `node test/kubernetes/command.ts up`'

/** The cluster that the test run shares. Leave it as it was found: daemons running, nothing of yours in it. */
export function openSharedKubernetesCluster(): KubernetesCluster {
  if (descriptionFile === undefined) throw new Error('ATRIUM_TEST_KUBERNETES is not set')
  return openKubernetesCluster(JSON.parse(readFileSync(descriptionFile, 'utf8')))
}
