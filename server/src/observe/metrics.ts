/** One number for monitoring. */
export interface Sample {
  /** Prometheus' naming: `jupyterhub_total_users`. */
  readonly name: string
  readonly help: string
  /** `counter`: it only grows. */
  readonly type: 'gauge' | 'counter'
  /** Values are anybody's text. Samples of one name stand together. */
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

/** What the process itself can say, under the names that Prometheus' client libraries use. */
export function readProcessSamples(): readonly Sample[] {
  const { user, system } = process.cpuUsage()
  return [
    {
      name: 'process_cpu_seconds_total',
      help: 'CPU time of the control plane.',
      type: 'counter',
      value: (user + system) / 1e6,
    },
    {
      name: 'process_resident_memory_bytes',
      help: 'Memory of the control plane.',
      type: 'gauge',
      value: process.memoryUsage.rss(),
    },
    {
      name: 'process_start_time_seconds',
      help: 'When the control plane began, since the epoch.',
      type: 'gauge',
      value: Math.round(performance.timeOrigin / 1000),
    },
  ]
}

/** The samples in Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). */
export function renderSamples(samples: readonly Sample[]): string {
  let described = ''
  return samples
    .map(({ name, help, type, labels, value }) => {
      const head = name === described ? '' : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
      described = name
      return `${head}${name}${renderLabels(labels)} ${value}\n`
    })
    .join('')
}

function renderLabels(labels: Sample['labels'] = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
