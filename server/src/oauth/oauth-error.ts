/** Error codes of RFC 6749, sections 4.1.2.1 and 5.2. */
export type OauthErrorCode =
  | 'access_denied'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_request'
  | 'invalid_scope'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'

/** An error the client application is told about, by redirect or as JSON. `detail` goes to the log only. */
export class OauthError extends Error {
  override readonly name = 'OauthError'
  readonly code: OauthErrorCode
  readonly description: string | undefined
  readonly detail: string | undefined

  constructor(code: OauthErrorCode, options: { description?: string; detail?: string } = {}) {
    super(options.description ?? code)
    this.code = code
    this.description = options.description
    this.detail = options.detail
  }

  /** RFC 6749 section 5.2: 401 for failed client authentication, 400 for everything else. */
  get status(): 400 | 401 {
    return this.code === 'invalid_client' ? 401 : 400
  }

  /** The members of the error answer, in the order they are sent. */
  toParameters(): Record<string, string> {
    return {
      error: this.code,
      ...(this.description === undefined ? {} : { error_description: this.description }),
    }
  }
}
