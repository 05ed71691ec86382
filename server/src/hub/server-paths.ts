/** Where the hub's own pages and API stand; JupyterHub's `hub.base_url`. */
export const hubPath = '/hub/'

/**
 * Escapes one segment of a path as JupyterHub does (Python's `quote` with `@~` kept), so that the paths in our answers are equal, byte
 * for byte, to those that `jupyterhub-singleuser` and other clients build.
 */
export function escapePathSegment(text: string): string {
  return quote(text).replaceAll('%40', '@')
}

/** Path of a user's default server, or of the named one: `/user/alice/`, `/user/alice/gpu/`. */
export function buildServerPath(user: string, server = ''): string {
  const home = `/user/${escapePathSegment(user)}/`
  return server === '' ? home : `${home}${escapePathSegment(server)}/`
}

/** The same decoded: what the edge compares requests with. */
export function buildRoutePrefix(user: string, server = ''): string {
  return server === '' ? `/user/${user}/` : `/user/${user}/${server}/`
}

/** Where a server's start can be followed. */
export function buildProgressPath(user: string, server = ''): string {
  const home = `${hubPath}api/users/${escapePathSegment(user)}/`
  return server === '' ? `${home}server/progress` : `${home}servers/${escapePathSegment(server)}/progress`
}

/**
 * OAuth client of a server. It becomes part of cookie names, so `@` is escaped here. JupyterHub joins the names with a hyphen, by which anna's
 * server `maria` takes the client of anna-maria; what stands between them here is escaped in both.
 */
export function buildServerClientId(user: string, server = ''): string {
  const client = `jupyterhub-user-${quote(user)}`
  return server === '' ? client : `${client}!${quote(server)}`
}

/** How messages name a server: `alice`, `alice:gpu`. */
export function describeServer(user: string, server = ''): string {
  return server === '' ? user : `${user}:${server}`
}

function quote(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
