import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const runArgon2 = promisify(argon2)

/** OWASP's second choice for argon2id: 19 MiB, two passes, one lane. Older hashes keep the parameters they were made with. */
const current = { memory: 19 * 1024, passes: 2, parallelism: 1 }
const nonceBytes = 16
const tagBytes = 32

/** The PHC string of argon2id: `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`, https://github.com/P-H-C/phc-string-format. Off the event loop. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(nonceBytes)
  const tag = await derive(password, { ...current, nonce, tagLength: tagBytes })
  const { memory, passes, parallelism } = current
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${toBase64(nonce)}$${toBase64(tag)}`
}

/** True when `password` is the one that was hashed. A string that is no such hash matches nothing. */
export async function isPassword(password: string, phc: string): Promise<boolean> {
  const parsed = parsePhc(phc)
  if (parsed === undefined) return false
  const { tag, ...parameters } = parsed
  return timingSafeEqual(await derive(password, { ...parameters, tagLength: tag.length }), tag)
}

interface Argon2Parameters {
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
  readonly nonce: Buffer
  readonly tagLength: number
}

function derive(password: string, parameters: Argon2Parameters): Promise<Buffer> {
  // The same letters may be typed composed or not.
  return runArgon2('argon2id', { ...parameters, message: password.normalize('NFC') }) as Promise<Buffer>
}

const phcPattern =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

function parsePhc(phc: string) {
  const match = phcPattern.exec(phc)
  if (match === null) return undefined
  const [, memory, passes, parallelism, nonce = '', tag = ''] = match
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    nonce: Buffer.from(nonce, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
}

function toBase64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
