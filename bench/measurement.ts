/** One figure of the table: ours and the peer's, every round's value. */
export interface Measurement {
  name: string
  unit: 'ms' | 's' | 'MB' | 'req/s' | 'us' | 'calls' | 'MB/s'
  better: 'lower' | 'higher'
  ours: readonly number[]
  peer: readonly number[]
  /** `JupyterHub 6.1.1`, `configurable-http-proxy 5.3.0`. */
  peerName: string
  /** The ratio aimed at, above 1 when we are better. */
  aim?: number
  /** Why there is no figure, or not one of every round. */
  oursFailed?: string
  peerFailed?: string
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** How many times better we are than the peer, by medians. */
export function ratio({ better, ours, peer }: Measurement): number {
  return better === 'lower' ? median(peer) / median(ours) : median(ours) / median(peer)
}

/** The table as Markdown. */
export function renderMeasurements(measurements: readonly Measurement[]): string {
  const rows = measurements.map((measurement) => {
    const { name, unit, ours, peer, peerName, aim, oursFailed, peerFailed } = measurement
    const cells = [
      name,
      renderFigure(ours, unit, oursFailed),
      renderFigure(peer, unit, peerFailed),
      peer.length > 0 || peerFailed !== undefined ? peerName : '',
      ours.length > 0 && peer.length > 0 && ratio(measurement) > 0 ? `${round(ratio(measurement))}x` : '',
      aim === undefined ? '' : `${aim}x`,
    ]
    return `| ${cells.join(' | ')} |`
  })
  return [
    '| what | Atrium | peer | which | ratio | aim |',
    '| --- | ---: | ---: | --- | ---: | ---: |',
    ...rows,
  ].join('\n')
}

function renderFigure(values: readonly number[], unit: string, failed?: string): string {
  const figure = values.length > 0 ? `${round(median(values))} ${unit}` : ''
  return failed === undefined ? figure : `${figure} failed: ${failed.replaceAll('|', '\\|')}`.trimStart()
}

function round(value: number): string {
  const size = Math.abs(value)
  if (size >= 100) return value.toFixed(0)
  return size >= 10 ? value.toFixed(1) : value.toFixed(2)
}
