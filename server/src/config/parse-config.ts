import { findNearestName } from '@atrium/contract/nearest-name.ts'
import { Settings } from 'typebox/system'
import { Value } from 'typebox/value'
import { type Document, isMap, isNode, isPair } from 'yaml'
import { checkCombinations } from './combinations.ts'
import { ConfigError, type ConfigProblem } from './config-problem.ts'
import { applyDefaults } from './defaults.ts'
import { findPosition, readYaml, type YamlSource } from './read-yaml.ts'
import { type Config, configSchema } from './schema.ts'

type PathSegment = string | number
type SchemaError = ReturnType<typeof Value.Errors>[number]

const mostProblems = 1000

/** All of them: of its own accord the library stops after eight, which is right for requests. */
function findSchemaErrors(config: unknown): readonly SchemaError[] {
  const { maxErrors } = Settings.Get()
  Settings.Set({ maxErrors: mostProblems })
  try {
    return Value.Errors(configSchema, config)
  } finally {
    Settings.Set({ maxErrors })
  }
}

/** Parses and checks the text of `atrium.yaml`; throws a `ConfigError` that names every problem with its line. */
export function parseConfig(text: string, file: string): Config {
  const source = readYaml(text, file)
  const config = applyDefaults(configSchema, source.value)
  const problems = findSchemaErrors(config).flatMap((error) => describe(error, source))
  if (problems.length > 0) throw new ConfigError(sortProblems(problems))
  // Every value has just been checked against the schema that the type comes from.
  const valid = config as Config
  const conflicts = checkCombinations(valid).map(({ path, message }) => locate(source, path, { message }))
  if (conflicts.length > 0) throw new ConfigError(sortProblems(conflicts))
  return valid
}

function describe(error: SchemaError, source: YamlSource): readonly ConfigProblem[] {
  const path = parsePointer(error.instancePath)
  switch (error.keyword) {
    case 'boolean':
      return []
    case 'additionalProperties': {
      const known = Object.keys(schemaAt(path)?.properties ?? {})
      return error.params.additionalProperties.map((key) => {
        const nearest = findNearestName(key, known)
        return locate(source, [...path, key], {
          message: 'unknown key',
          allowed: known.join(', '),
          ...(nearest === undefined ? {} : { nearest }),
        })
      })
    }
    case 'required':
      return error.params.requiredProperties.map((key) =>
        locate(source, path, { message: `${key} is missing` }),
      )
    case 'enum': {
      const seen = valueAt(source.value, path)
      const allowed = error.params.allowedValues.map(String)
      const nearest = typeof seen === 'string' ? findNearestName(seen, allowed) : undefined
      return [
        locate(source, path, {
          message: 'not one of the allowed values',
          seen: JSON.stringify(seen),
          allowed: allowed.join(', '),
          ...(nearest === undefined ? {} : { nearest }),
        }),
      ]
    }
    case 'pattern': {
      const examples = schemaAt(path)?.examples
      return [
        locate(source, path, {
          message: 'not in the right form',
          seen: JSON.stringify(valueAt(source.value, path)),
          allowed:
            examples === undefined
              ? `text matching ${error.params.pattern}`
              : `text such as ${examples.join(', ')}`,
        }),
      ]
    }
    default:
      return [
        locate(source, path, { message: error.message, seen: JSON.stringify(valueAt(source.value, path)) }),
      ]
  }
}

function locate(
  { file, document, lines }: YamlSource,
  path: readonly PathSegment[],
  rest: Pick<ConfigProblem, 'message'> & Partial<ConfigProblem>,
): ConfigProblem {
  return { file, ...findPosition(lines, findOffset(document, path)), path: formatPath(path), ...rest }
}

/** The offset of the key at `path`, or of the deepest part of it that the file has. */
function findOffset(document: Document, path: readonly PathSegment[]): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const last = path[length - 1]
    if (isMap(parent)) {
      const pair = parent.items.find(
        (item) => isPair(item) && isNode(item.key) && String(item.key) === String(last),
      )
      if (pair !== undefined && isNode(pair.key) && pair.key.range) return pair.key.range[0]
    }
    const node = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}

interface DescribedSchema {
  properties?: Record<string, DescribedSchema>
  patternProperties?: Record<string, DescribedSchema>
  items?: DescribedSchema
  examples?: readonly string[]
}

function schemaAt(path: readonly PathSegment[]): DescribedSchema | undefined {
  let schema: DescribedSchema | undefined = configSchema as DescribedSchema
  for (const segment of path) {
    schema =
      typeof segment === 'number'
        ? schema?.items
        : (schema?.properties?.[segment] ?? Object.values(schema?.patternProperties ?? {})[0])
  }
  return schema
}

function valueAt(value: unknown, path: readonly PathSegment[]): unknown {
  let at = value
  for (const segment of path)
    at = typeof at === 'object' && at !== null ? Reflect.get(at, segment) : undefined
  return at
}

/** JSON Pointer (RFC 6901) to segments; array indices become numbers. */
function parsePointer(pointer: string): readonly PathSegment[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part))
}

function formatPath(path: readonly PathSegment[]): string {
  return path
    .map((segment, at) => (typeof segment === 'number' ? `[${segment}]` : at === 0 ? segment : `.${segment}`))
    .join('')
}

function sortProblems(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
}
