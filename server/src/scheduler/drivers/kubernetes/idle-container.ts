import type { V1Container, V1PodSpec } from '@kubernetes/client-node'

import type { KubernetesSchedulerConfig } from './kubernetes-config.ts'

const nobody = 65_534

/** Pods of the platform's own, which belong to nobody and may do nothing. */
export const idleIdentity = {
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: nobody,
    runAsGroup: nobody,
    seccompProfile: { type: 'RuntimeDefault' },
  },
} satisfies Partial<V1PodSpec>

/** Runs one line of Python: images of jobs have that, and need not have a shell. */
export function buildIdleContainer(
  { python, imagePullPolicy }: KubernetesSchedulerConfig,
  name: string,
  image: string,
  source: string,
): V1Container {
  return {
    name,
    image,
    ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
    command: [python, '-I', '-S', '-c', source],
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  }
}
