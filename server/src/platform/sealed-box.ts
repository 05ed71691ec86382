import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

import { PlatformError } from '@atrium/contract/errors.ts'

const ivBytes = 12
const tagBytes = 16

/** Keeps what must be readable again (a waiting job's secrets) unreadable in the database and its backups. */
export interface SealedBox {
  seal(text: string): string
  /** Throws `internal` when the text was changed or sealed under another key. */
  open(sealed: string): string
}

/** AES-256-GCM under `key` (32 bytes). */
export function createSealedBox(key: Buffer): SealedBox {
  return {
    seal(text) {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', key, iv)
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64')
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, 'base64')
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes))
        decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes))
        return Buffer.concat([
          decipher.update(bytes.subarray(ivBytes + tagBytes)),
          decipher.final(),
        ]).toString('utf8')
      } catch (cause) {
        throw new PlatformError('internal', { detail: 'a sealed value could not be opened', cause })
      }
    },
  }
}
