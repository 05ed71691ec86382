import type { AllRoutesOptions } from '#http/all-routes.ts'

/**
 * What all routes stand on, made of nothing: enough to declare the routes, and whatever a handler asks of it is answered with more of the
 * same.
 */
export function createRouteStubs(): AllRoutesOptions {
  const stub: unknown = new Proxy(() => {}, {
    get(_target, key) {
      if (key === Symbol.toPrimitive) return () => 'stub'
      if (key === Symbol.iterator) return function* () {}
      return key === 'then' ? undefined : stub
    },
    apply: () => stub,
  })
  // It stands for everything, and so for this too.
  return stub as AllRoutesOptions
}
