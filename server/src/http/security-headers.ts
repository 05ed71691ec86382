/** Version of JupyterHub whose protocol the hub speaks; single-user servers compare it with their own. */
export const hubProtocolVersion = '6.1.1'

const everywhere = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'x-jupyterhub-version': hubProtocolVersion,
}

/** For answers that are data: a browser that is led there runs and shows nothing, in no frame. */
export const apiHeaders: Readonly<Record<string, string>> = {
  ...everywhere,
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

/** For pages, and redirects between them: only our own scripts, in no frame. A page that needs more sets its own. */
export const pageHeaders: Readonly<Record<string, string>> = {
  ...everywhere,
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
}
