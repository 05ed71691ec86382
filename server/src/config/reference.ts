interface DocumentedSchema {
  type?: string
  description?: string
  default?: unknown
  enum?: readonly unknown[]
  properties?: Record<string, DocumentedSchema>
  patternProperties?: Record<string, DocumentedSchema>
  items?: DocumentedSchema
  required?: readonly string[]
  examples?: readonly unknown[]
}

/** One key of the configuration, as the reference page shows it. */
interface Entry {
  path: string
  kind: string
  fallback: string
  description: string
}

/** The reference page of `atrium.yaml`, in Markdown, from its JSON Schema: one table a section. */
export function buildConfigReference(schema: object): string {
  const { properties = {} } = schema as DocumentedSchema
  const sections = Object.entries(properties).map(([name, section]) => renderSection(name, section))
  return [
    '# Configuration',
    '',
    '<!-- Generated from the schema by `npm run docs`. Do not edit. -->',
    '',
    'Everything has a default: without an `atrium.yaml` the platform runs on this machine. `atrium validate` names every problem with',
    'its line, the value seen and what is allowed; `atrium plan` shows what a changed file would do. Editors complete and check the',
    'file with the JSON Schema beside this page: put `# yaml-language-server: $schema=docs/atrium.schema.json` on its first line.',
    '',
    'Durations are written `30s`, `15m`, `8h`, `14d`; sizes `512M`, `4G` (powers of 1024).',
    '',
    ...sections,
  ].join('\n')
}

function renderSection(name: string, section: DocumentedSchema): string {
  const entries = collect(name, section)
  const own = entries.length === 1 && entries[0]?.path === name
  const rows = entries.map(
    ({ path, kind, fallback, description }) => `| \`${path}\` | ${kind} | ${fallback} | ${description} |`,
  )
  return [
    `## ${name}`,
    '',
    ...(own || section.description === undefined ? [] : [section.description, '']),
    '| key | what | default | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

function collect(path: string, schema: DocumentedSchema): readonly Entry[] {
  if (schema.properties !== undefined) {
    return Object.entries(schema.properties).flatMap(([name, property]) =>
      collect(`${path}.${name}`, property),
    )
  }
  const [named] = Object.values(schema.patternProperties ?? {})
  if (named?.properties !== undefined) return collect(`${path}.NAME`, named)
  if (schema.items?.properties !== undefined) return collect(`${path}[]`, schema.items)
  return [
    {
      path,
      kind: describeKind(schema),
      fallback: describeDefault(schema),
      description: escapeCell(schema.description ?? ''),
    },
  ]
}

function describeKind(schema: DocumentedSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ')
  if (schema.type === 'array') return `list of ${schema.items?.type ?? 'values'}`
  if (schema.type === 'object') return 'map'
  return schema.examples === undefined
    ? (schema.type ?? 'any')
    : `${schema.type}, as \`${schema.examples.join('`, `')}\``
}

function describeDefault(schema: DocumentedSchema): string {
  return schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
