import { createHash } from 'node:crypto'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { Munge } from '#scheduler/drivers/slurm/munge.ts'
import type { NodeRequest } from '#scheduler/node-door.ts'

/** Credentials that can be read: `MUNGE:uid:payload`. Each is good once. */
export function createPretendMunge(): Munge & { isDown: boolean } {
  const seen = new Set<string>()
  return {
    isDown: false,
    async encode(payload, { readerUid }) {
      return `MUNGE:for ${readerUid}:${payload}`
    },
    async decode(credential) {
      if (this.isDown) throw new PlatformError('scheduler_unavailable')
      const [, uid, payload] = /^MUNGE:(\d+):(.*)$/s.exec(credential) ?? []
      if (uid === undefined || payload === undefined) return { refused: 'it is no credential' }
      if (seen.has(credential)) return { refused: 'it was seen before' }
      seen.add(credential)
      return { uid: Number(uid), payload }
    },
  }
}

let serial = 0

/** A request of a process of this uid. No two are the same, as munge's are. */
export function sign(
  content: object,
  { uid = 2001, address }: { uid?: number; address?: string } = {},
): NodeRequest & { credential: string } {
  const body = JSON.stringify({ ...content, serial: ++serial })
  return {
    body,
    credential: `MUNGE:${uid}:${createHash('sha256').update(body).digest('hex')}`,
    ...(address === undefined ? {} : { address }),
  }
}
