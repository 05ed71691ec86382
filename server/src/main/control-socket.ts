import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'

import type { DataFolder } from './data-folder.ts'

/** The Unix socket on which the control plane of this data folder listens. */
export function findControlSocket(data: DataFolder): string {
  return join(data.run, 'hub.sock')
}

/** True when something answers on this Unix socket. */
export function isSocketAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Makes way for a new control plane: removes what a killed one left behind. Throws `conflict` when one is running. */
export async function claimControlSocket(data: DataFolder): Promise<string> {
  const path = findControlSocket(data)
  if (await isSocketAlive(path)) {
    throw new PlatformError('conflict', {
      message: `A platform is already running on ${data.root}. See \`atrium status\`, or end it with \`atrium down\`.`,
    })
  }
  await rm(path, { force: true })
  return path
}
