import { readFileSync } from 'node:fs'

/** Descriptors for what is neither a client nor its upstream: libraries, logs, control sockets. */
const otherDescriptors = 50

/**
 * How many clients may be connected, so that one descriptor is left for the upstream of each: beyond the limit a newcomer is turned away,
 * and not everybody. Undefined where the system does not tell.
 */
export function findConnectionLimit(): number | undefined {
  const descriptors = Number(/^Max open files +(\d+)/m.exec(readLimits())?.[1] ?? Number.NaN)
  return Number.isNaN(descriptors) ? undefined : Math.max(1, Math.floor((descriptors - otherDescriptors) / 2))
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}
