import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A fresh secret of 256 bits as URL-safe text. */
export function createSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored of a secret: SHA-256 in lower-case hex. Enough for secrets of 256 random bits; passwords need argon2id. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Compares without telling by its time how much agreed. */
export function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())
}
