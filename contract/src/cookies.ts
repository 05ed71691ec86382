/** JupyterHub's XSRF cookie. Pages send the same token, which they carry, as the header `X-XSRFToken` or the form field `_xsrf`. */
export const xsrfCookieName = '_xsrf'

/** Where browsers send the XSRF cookie: not to users' servers, which have a cookie of the same name. */
export const xsrfCookiePath = '/hub/'

/**
 * The cookie that holds a browser's session secret. Sent to every path, since the edge authorizes users' servers by it. Over https the
 * `__Host-` prefix keeps other hosts of the domain from setting it.
 */
export function sessionCookieName(secure: boolean): string {
  return secure ? '__Host-atrium-session' : 'atrium-session'
}
