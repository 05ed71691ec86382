/**
 * Every error the platform answers with: HTTP status, the message a person may see, and whether trying again can help.
 * The code is stable: clients, logs and metrics use it.
 */
export const errorTable = {
  bad_request: { status: 400, message: 'The request is not valid.', retry: false },
  invalid_name: { status: 400, message: 'This name is not allowed.', retry: false },
  xsrf_failed: {
    status: 403,
    message: "The page's security token is missing or stale. Reload the page.",
    retry: false,
  },
  unauthenticated: { status: 403, message: 'Missing or invalid credentials.', retry: false },
  login_required: { status: 401, message: 'Sign in first.', retry: false },
  wrong_password: { status: 403, message: 'Invalid username or password', retry: false },
  forbidden: { status: 403, message: 'Your permissions do not cover this.', retry: false },
  not_found: { status: 404, message: 'There is nothing here.', retry: false },
  method_not_allowed: { status: 405, message: 'This method is not supported here.', retry: false },
  conflict: { status: 409, message: 'This does not fit the present state.', retry: false },
  gone: { status: 410, message: 'This is not there any more.', retry: false },
  too_large: { status: 413, message: 'The request is too large.', retry: false },
  quota_exceeded: { status: 409, message: 'This is more than your quota allows.', retry: false },
  unprocessable: { status: 422, message: 'This cannot be done as it was asked for.', retry: false },
  too_many_requests: { status: 429, message: 'Too many tries. Wait a little.', retry: true },
  internal: {
    status: 500,
    message: 'Something went wrong on our side. The log has the details.',
    retry: true,
  },
  scheduler_unavailable: {
    status: 503,
    message: 'The scheduler does not answer. Your jobs go on.',
    retry: true,
  },
  store_unavailable: { status: 503, message: 'The database does not answer.', retry: true },
  storage_full: { status: 507, message: 'The disk is full.', retry: true },
  lease_lost: { status: 503, message: 'Another replica has taken over this work.', retry: true },
  timeout: { status: 504, message: 'This took too long.', retry: true },
} as const satisfies Record<string, { status: number; message: string; retry: boolean }>

export type ErrorCode = keyof typeof errorTable

/** What a `PlatformError` can carry besides its code. */
export interface PlatformErrorOptions {
  /** Shown to the client instead of the table's message; never put secrets or internals here. */
  message?: string
  /** For the log only. */
  detail?: unknown
  cause?: unknown
}

/** An error with a stable code. The client sees `code` and `message`; `detail` and `cause` go to the log only. */
export class PlatformError extends Error {
  override readonly name = 'PlatformError'
  readonly code: ErrorCode
  readonly detail: unknown

  constructor(code: ErrorCode, options: PlatformErrorOptions = {}) {
    super(options.message ?? errorTable[code].message, { cause: options.cause })
    this.code = code
    this.detail = options.detail
  }

  get status(): number {
    return errorTable[this.code].status
  }
}

/** True when `error` is a `PlatformError`, of the given code if one is named. */
export function isPlatformError(error: unknown, code?: ErrorCode): error is PlatformError {
  return error instanceof PlatformError && (code === undefined || error.code === code)
}
