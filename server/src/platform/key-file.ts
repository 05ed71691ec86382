/** Length of the platform's keys. */
export const keyBytes = 32

/**
 * Reads the content of a key file: 32 bytes as they are, or as 64 hex digits with or without a line end, which is how people make them. Throws
 * with a sentence that names the file.
 */
export function readKey(path: string, content: Buffer): Buffer {
  if (content.length === keyBytes) return content
  const text = content.toString('latin1').trim()
  if (/^[\da-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  throw new Error(`${path} holds no key: neither ${keyBytes} bytes nor ${2 * keyBytes} hex digits`)
}
