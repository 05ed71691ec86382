import {
  type Document,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type YAMLError,
  type YAMLMap,
} from 'yaml'

import { ConfigError, type ConfigProblem } from './config-problem.ts'

/** A file that is well-formed YAML, with where things stand in it. */
export interface YamlSource {
  file: string
  document: Document
  lines: LineCounter
  /** The file's content; an empty file has none of the keys. */
  value: Readonly<Record<string, unknown>>
}

/** Reads YAML that holds one map, or nothing; throws a `ConfigError` that names what is wrong with its line. */
export function readYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter()
  // yaml's own search for keys that stand twice compares every pair of them: minutes for a large file.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false })
  const at = (offset: number) => ({ file, ...findPosition(lines, offset), path: '' })
  const problems = [
    ...firstOfEachPlace(document.errors).map((error) => ({ ...at(error.pos[0]), message: explain(error) })),
    ...findRepeatedKeys(document).map(({ offset, name, first }) => ({
      ...at(offset),
      message: `the key ${name} stands twice; the first is on line ${findPosition(lines, first).line}`,
    })),
  ]
  if (problems.length > 0) throw new ConfigError(problems)
  return { file, document, lines, value: readValue(document, at(0)) }
}

/** Line and column of a character, both counted from 1. */
export function findPosition(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

/** What is broken inside is reported once more for every level around it. */
function firstOfEachPlace(errors: readonly YAMLError[]): readonly YAMLError[] {
  return [...Map.groupBy(errors, ({ pos }) => pos[0]).values()].flatMap(([first]) => first ?? [])
}

function explain(error: YAMLError): string {
  return error.code === 'MULTIPLE_DOCS'
    ? 'a second document begins here: the configuration is one, so take out the --- before it'
    : error.message
}

interface RepeatedKey {
  name: string
  offset: number
  /** Where it stood before. */
  first: number
}

function findRepeatedKeys(document: Document): readonly RepeatedKey[] {
  const found: RepeatedKey[] = []
  visit(document, { Map: (_, map) => void found.push(...findRepeated(map)) })
  return found
}

function findRepeated(map: YAMLMap): readonly RepeatedKey[] {
  const seen = new Map<string, number>()
  return map.items.flatMap(({ key }) => {
    if (!isScalar(key) || !isNode(key) || !key.range) return []
    const name = String(key.value)
    const [offset] = key.range
    const first = seen.get(name)
    if (first !== undefined) return [{ name, offset, first }]
    seen.set(name, offset)
    return []
  })
}

function readValue(
  document: Document,
  place: Omit<ConfigProblem, 'message'>,
): Readonly<Record<string, unknown>> {
  if (document.contents === null) return {}
  let value: unknown
  try {
    value = document.toJS()
  } catch (error) {
    // Aliases that name nothing, or that grow into more than memory holds.
    throw new ConfigError([{ ...place, message: error instanceof Error ? error.message : String(error) }])
  }
  if (value === null) return {}
  if (!isMap(document.contents)) {
    throw new ConfigError([
      { ...place, message: 'the file must be a map of keys, such as `edge: {port: 8000}`' },
    ])
  }
  // A map of YAML, as has just been seen.
  return value as Record<string, unknown>
}
