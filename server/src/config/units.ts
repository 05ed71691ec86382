import { Type } from 'typebox'

const durationUnitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const byteUnits = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 } as const

/** A length of time as people write it: `30s`, `15m`, `8h`, `14d`; parsed by `parseDurationMs`. */
export function durationType(options: { description: string; default?: string }) {
  return Type.String({ ...options, pattern: '^[0-9]+(ms|s|m|h|d)$', examples: ['30s', '15m', '8h', '14d'] })
}

/** A size of memory or disk: `512M`, `4G`; powers of 1024; parsed by `parseByteSize`. */
export function byteSizeType(options: { description: string; default?: string }) {
  return Type.String({ ...options, pattern: '^[0-9]+(\\.[0-9]+)?[KMGT]?$', examples: ['512M', '4G'] })
}

/** `15m` → 900000. The text has passed `durationType`. */
export function parseDurationMs(text: string): number {
  const [, amount = '0', unit = 's'] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? []
  return Number(amount) * durationUnitsMs[unit as keyof typeof durationUnitsMs]
}

/** `4G` → 4294967296. The text has passed `byteSizeType`. */
export function parseByteSize(text: string): number {
  const [, amount = '0', unit = ''] = /^([\d.]+)([KMGT]?)$/.exec(text) ?? []
  return Math.round(Number(amount) * byteUnits[unit as keyof typeof byteUnits])
}
