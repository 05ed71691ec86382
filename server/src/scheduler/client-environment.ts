/** How jobs reach the platform from Python. */
export interface JobClient {
  /** Folder with the package `atrium_client`, on every node. */
  clientFolder: string
  /** Where jobs reach the edge, without a path. */
  apiUrl: string
}

/** Variables by which any Python of a job finds `atrium_client`, and that the platform; the token is a secret and stands elsewhere. */
export function buildClientEnvironment({ clientFolder, apiUrl }: JobClient): Record<string, string> {
  return { PYTHONPATH: clientFolder, ATRIUM_API_URL: apiUrl }
}

/** `own` with what somebody wants besides, who wins, except that our folder stays on PYTHONPATH, in front of theirs. */
export function extendEnvironment(
  own: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): Record<string, string> {
  const folders = [own['PYTHONPATH'], wanted['PYTHONPATH']].filter((folder) => folder)
  return {
    ...own,
    ...wanted,
    ...(folders.length === 0 ? {} : { PYTHONPATH: folders.join(':') }),
  }
}
