import { Type } from 'typebox'

/** Names of Kubernetes' own objects (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/): a subdomain of DNS. */
const objectPattern = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$'
const labelPattern = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'
const qualified = '([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?'
const labelKeyPattern = `^${qualified}$`
const labelValuePattern = '^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$'
const absolutePattern = '^/[^\\0]*$'

interface Described {
  description?: string
  default?: string
  examples?: string[]
}

/** Name of a claim, a secret, a class and most others. */
export const objectName = (options: Described) =>
  Type.String({ ...options, pattern: objectPattern, maxLength: 253 })

/** Name of a namespace, a volume, a pool: one part of DNS. */
export const shortName = (options: Described) => Type.String({ ...options, pattern: labelPattern })

/** Name of a resource, a taint's key: `nvidia.com/gpu`. */
export const qualifiedName = (options: Described) => Type.String({ ...options, pattern: labelKeyPattern })

/** Value of a label or a taint; may be empty. */
export const labelValue = (options: Described) => Type.String({ ...options, pattern: labelValuePattern })

/** Labels that something must have. */
export const labelMap = (options: { description: string }) =>
  Type.Record(Type.String({ pattern: labelKeyPattern }), labelValue({}), {
    ...options,
    additionalProperties: false,
    default: {},
  })

/** A path from the root. */
export const absolutePath = (options: Described) => Type.String({ ...options, pattern: absolutePattern })

/** A path within a volume. */
export const relativePath = (options: Described) =>
  Type.String({ ...options, pattern: '^[^/\\0][^\\0]*$', maxLength: 1024 })

/** As in `registry.example.org/team/notebook:2026.1`, or with a digest. */
export const imageReference = (options: Described) =>
  Type.String({
    ...options,
    pattern: '^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}$',
    examples: ['quay.io/jupyter/scipy-notebook:2026-01-05', 'registry.example.org/team/gpu@sha256:…'],
  })
