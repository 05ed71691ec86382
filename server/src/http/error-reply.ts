import { STATUS_CODES } from 'node:http'

import { errorTable, PlatformError } from '@atrium/contract/errors.ts'

/** An error as JupyterHub's clients read it, with Atrium's stable code besides. */
export interface ErrorBody {
  readonly status: number
  readonly message: string
  readonly code: string
}

/** Any thrown thing as a `PlatformError`; the unexpected become `internal`, and what Fastify refuses keeps its status. */
export function toPlatformError(error: unknown): PlatformError {
  if (error instanceof PlatformError) return error
  const status =
    typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : undefined
  if (status === 413) return new PlatformError('too_large', { cause: error })
  if (status === 404) return new PlatformError('not_found', { cause: error })
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new PlatformError('bad_request', { cause: error })
  return new PlatformError('internal', { cause: error })
}

/** Codes whose plain message is the status's own phrase in JupyterHub's protocol, where clients may compare it. */
const plainCodes = new Set(['not_found', 'forbidden', 'method_not_allowed'])

/** The answer's body. Under `/hub/api/` errors without a message of their own use HTTP's phrases, as JupyterHub does. */
export function buildErrorBody(error: PlatformError, path: string): ErrorBody {
  const isPlain =
    path.startsWith('/hub/api') &&
    plainCodes.has(error.code) &&
    error.message === errorTable[error.code].message
  return {
    status: error.status,
    message: isPlain ? (STATUS_CODES[error.status] ?? error.message) : error.message,
    code: error.code,
  }
}

/** True for paths whose errors are JSON even when no route matches. */
export function isApiPath(path: string): boolean {
  return /^\/(hub\/)?api(\/|$|\?)/.test(path)
}
