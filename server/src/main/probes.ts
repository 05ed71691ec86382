import { listenForProbes } from '#platform/health-server.ts'
import { parseListen } from './edge-door.ts'
import type { StartOptions } from './start-options.ts'

/** What probes of a control plane are answered. */
export interface Probes {
  say(state: 'ready' | 'leaving'): void
  close(): void
}

/** Answers probes from the first moment on; ready is a control plane when it says so. Rejects when the port cannot be had. */
export async function openProbes({
  config,
  listen = '',
}: Pick<StartOptions, 'config' | 'listen'>): Promise<Probes> {
  let isReady = false
  const server = await listenForProbes({
    host: parseListen(listen).host,
    port: config.controlPlane.healthPort,
    isReady: () => isReady,
  })
  return {
    say(state) {
      isReady = state === 'ready'
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
