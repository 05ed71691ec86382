/** pip's settings that say where packages come from, and uv's variable of the same meaning. */
const carriedSettings: Readonly<Record<string, string>> = {
  'index-url': 'UV_DEFAULT_INDEX',
  'extra-index-url': 'UV_INDEX',
  'find-links': 'UV_FIND_LINKS',
  'trusted-host': 'UV_INSECURE_HOST',
  'no-index': 'UV_NO_INDEX',
  cert: 'SSL_CERT_FILE',
  timeout: 'UV_HTTP_TIMEOUT',
  'default-timeout': 'UV_HTTP_TIMEOUT',
}

/** Sections of pip's configuration that hold for installing; later ones win. */
const sections = ['global', 'install', ':env:']

/**
 * uv does not read pip's configuration: this carries over where packages come from, so that a site which has set up pip has
 * set up Atrium. `listing` is the output of `pip config list`.
 */
export function buildUvEnvironment(listing: string, environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const carried: Record<string, string> = {}
  for (const section of sections) {
    for (const [name, value] of parseListing(listing, section)) {
      const variable = carriedSettings[name]
      if (variable !== undefined) carried[variable] = value
    }
  }
  // What is set for uv itself is wanted as it is.
  return { ...carried, ...environment }
}

/** Lines are `section.name='value'`; list values hold a newline as `\n`. */
function parseListing(listing: string, section: string): [string, string][] {
  return listing.split('\n').flatMap((line): [string, string][] => {
    const match = /^(:env:|[\w-]+)\.([\w-]+)=(['"])(.*)\3$/.exec(line.trim())
    if (!match || match[1] !== section) return []
    const values = (match[4] ?? '').split('\\n').map((value) => value.trim())
    return [[match[2] ?? '', values.filter((value) => value !== '').join(' ')]]
  })
}
