/** `node test/kubernetes/command.ts up|down|status [--name NAME]`: a Kubernetes cluster of one node, to develop against. */
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

import { openKubernetesCluster, startKubernetesCluster } from './cluster.ts'
import { buildLayout } from './layout.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { name: { type: 'string', default: 'tests' } },
})
const layout = buildLayout(values.name)

switch (positionals[0]) {
  case 'up':
    await startKubernetesCluster({ name: layout.name })
    status()
    break
  case 'down':
    if (existsSync(layout.descriptionFile))
      await openKubernetesCluster(JSON.parse(readFileSync(layout.descriptionFile, 'utf8'))).stop()
    console.log('The cluster is gone.')
    break
  case 'status':
    status()
    break
  default:
    console.error('node test/kubernetes/command.ts up|down|status [--name NAME]')
    process.exitCode = 2
}

function status(): void {
  if (!existsSync(layout.descriptionFile)) {
    console.log('No cluster runs. Start one: node test/kubernetes/command.ts up')
    return
  }
  console.log(`  export KUBECONFIG=${layout.kubeconfig} PATH=${layout.programs}:$PATH
  export ATRIUM_TEST_KUBERNETES=${layout.descriptionFile}

Logs: ${layout.dir}/log`)
}
