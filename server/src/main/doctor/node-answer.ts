/** What a job saw on its node: `atrium_node/slurm_probe.py` writes it. */
export interface NodeAnswer {
  /** Seconds, by the node's clock. */
  time: number
  node: string
  python: string
  uid: number
  cpus: number
  memoryLimitBytes: number | null
  home: { path: string; uid?: number; inode?: number; writable?: boolean; error?: string }
  marker: { text?: string; error?: string }
  munge: { credential?: string; error?: string }
  hub: { status?: number; address?: string; error?: string }
  port: number
}

/** Undefined for what is no whole answer. A user's job wrote it: only its shape is believed. */
export function parseNodeAnswer(text: string): NodeAnswer | undefined {
  try {
    const value = JSON.parse(text) as NodeAnswer
    const parts = [value.home, value.marker, value.munge, value.hub]
    const isWhole =
      typeof value.time === 'number' &&
      typeof value.node === 'string' &&
      typeof value.python === 'string' &&
      typeof value.uid === 'number' &&
      Number.isInteger(value.port) &&
      parts.every((part) => typeof part === 'object' && part !== null)
    return isWhole ? value : undefined
  } catch {
    return undefined
  }
}
