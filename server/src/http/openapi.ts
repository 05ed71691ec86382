import { STATUS_CODES } from 'node:http'

import type { TSchema } from 'typebox'

import type { Route } from './define-route.ts'

type Json = Readonly<Record<string, unknown>>

const errorSchema = {
  type: 'object',
  required: ['status', 'message', 'code'],
  properties: {
    status: { type: 'integer' },
    message: { type: 'string', description: 'For people.' },
    code: { type: 'string', description: 'Stable: for programs.' },
  },
}

/** The OpenAPI 3.1 document of the routes (https://spec.openapis.org/oas/v3.1.0), in order of their paths. */
export function buildOpenApi(routes: readonly Route[], { version }: { readonly version: string }): Json {
  const paths: Record<string, Record<string, Json>> = {}
  const sorted = routes.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  for (const route of sorted) {
    const template = toTemplate(route.path)
    paths[template] = { ...paths[template], [route.method.toLowerCase()]: buildOperation(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Atrium',
      version,
      description:
        "JupyterHub's REST API under `/hub/api`, Atrium's own under `/api/v1`, and the pages that are linked to.",
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: { Error: errorSchema },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A token, as `Bearer` or `token`.' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'atrium-session',
          description: "A signed-in browser's session.",
        },
      },
    },
  }
}

/** `/hub/api/users/:user` as OpenAPI writes it. */
function toTemplate(path: string): string {
  return path.replaceAll(/:([A-Za-z]+)/g, '{$1}').replace('*', '{path}')
}

function buildOperation(route: Route): Json {
  const { summary, tag, access, schemas } = route
  const parameters = [...buildPathParameters(route), ...buildParameters(schemas.query, 'query')]
  return {
    summary,
    tags: [tag],
    operationId: buildOperationId(route),
    ...('open' in access
      ? { description: `No scope: ${access.open}.` }
      : {
          description: `Needs any of ${access.anyOf.map((scope) => `\`${scope}\``).join(', ')}${describeTarget(access.on)}.`,
          'x-scopes': access.anyOf,
        }),
    security: buildSecurity(route),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(schemas.body === undefined ? {} : { requestBody: buildBody(route, schemas.body) }),
    responses: buildResponses(route),
  }
}

function describeTarget(on: string): string {
  if (on === 'platform') return ' without a filter'
  return on === 'listing' ? '; the answer holds what they cover' : ` for the ${on} in the path`
}

function buildOperationId({ method, path }: Route): string {
  const words = path.split('/').flatMap((segment) => {
    if (segment === '*') return ['Any']
    const name = segment.replaceAll(
      /[^A-Za-z0-9]+(.)?/g,
      (_all, next: string | undefined) => next?.toUpperCase() ?? '',
    )
    const capitalised = name.charAt(0).toUpperCase() + name.slice(1)
    return segment.startsWith(':') ? [`By${capitalised}`] : [capitalised]
  })
  return `${method.toLowerCase()}${words.join('')}${path.endsWith('/') ? 'Root' : ''}`
}

function buildSecurity({ authentication }: Route): readonly Json[] {
  switch (authentication) {
    case 'none':
      return []
    case 'optional':
      return [{}, { token: [] }, { session: [] }]
    case 'session':
      return [{ session: [] }]
    case 'token-or-session':
      return [{ token: [] }, { session: [] }]
    case 'token':
      return [{ token: [] }]
    case 'optional-token':
      return [{}, { token: [] }]
  }
}

function buildPathParameters({ path, schemas }: Route): readonly Json[] {
  if (schemas.params !== undefined) return buildParameters(schemas.params, 'path')
  return [...toTemplate(path).matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function buildParameters(schema: TSchema | undefined, where: 'path' | 'query'): readonly Json[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, Json>
    required?: readonly string[]
  }
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: property,
  }))
}

function buildBody({ accepts }: Route, schema: TSchema): Json {
  const type =
    accepts === 'form'
      ? 'application/x-www-form-urlencoded'
      : accepts === 'raw'
        ? 'text/plain'
        : 'application/json'
  return { content: { [type]: { schema } } }
}

function buildResponses({ schemas, answers }: Route): Json {
  const type = answers === 'page' ? 'text/html' : 'application/json'
  const named = Object.entries(schemas.responses).map(([status, schema]) => [
    status,
    {
      description: STATUS_CODES[status] ?? 'Answer',
      ...(schema === null ? {} : { content: { [type]: { schema } } }),
    },
  ])
  const error = {
    description: 'Error',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  }
  return { ...Object.fromEntries(named), ...(answers === 'page' ? {} : { default: error }) }
}
