import type { Route } from './define-route.ts'

/** Says which methods a path has, for 405 and OPTIONS. */
export interface RouteTable {
  /** Methods of the route that `path` (encoded, without query) falls under; empty: none. */
  methodsFor(path: string): readonly string[]
}

/** The table; its patterns are made at the first question, which most runs of the platform never ask. */
export function createRouteTable(routes: readonly Route[]): RouteTable {
  let patterns: readonly { pattern: RegExp; methods: readonly string[] }[] | undefined
  return {
    methodsFor(path) {
      patterns ??= buildPatterns(routes)
      return patterns.find(({ pattern }) => pattern.test(path))?.methods ?? []
    },
  }
}

function buildPatterns(routes: readonly Route[]): { pattern: RegExp; methods: readonly string[] }[] {
  const byPath = new Map<string, string[]>()
  for (const { path, method } of routes) {
    const methods = byPath.get(path) ?? []
    methods.push(...(method === 'GET' ? ['GET', 'HEAD'] : [method]))
    byPath.set(path, methods)
  }
  return [...byPath]
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([path, methods]) => ({ pattern: buildPattern(path), methods }))
}

/** Literal paths before those with parameters before wildcards, as the router decides. */
function rank(path: string): number {
  return (path.includes('*') ? 100 : 0) + path.split(':').length
}

function buildPattern(path: string): RegExp {
  const source = path
    .split('/')
    .map((segment) => {
      if (segment === '*') return '.*'
      if (segment.startsWith(':')) return '[^/]*'
      return segment.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
    })
    .join('/')
  return new RegExp(`^${source}$`)
}
