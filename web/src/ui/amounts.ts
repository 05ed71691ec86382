const sizeUnits = ['B', 'KB', 'MB', 'GB', 'TB', 'PB']

/** `512 MB`, `1.5 GB`; powers of 1024, as memory limits are given. */
export function formatBytes(bytes: number): string {
  const step = bytes < 1024 ? 0 : Math.min(sizeUnits.length - 1, Math.floor(Math.log2(bytes) / 10))
  const amount = bytes / 1024 ** step
  const digits = amount >= 100 || Number.isInteger(amount) ? 0 : 1
  return `${amount.toFixed(digits)} ${sizeUnits[step]}`
}

/** `1 core`, `2.5 cores`. */
export function formatCores(cores: number): string {
  const text = Number.isInteger(cores) ? String(cores) : cores.toFixed(cores < 10 ? 2 : 1).replace(/0$/, '')
  return `${text} ${cores === 1 ? 'core' : 'cores'}`
}

/** `1 user`, `3 users`. */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`
}
