import { PlatformError } from '@atrium/contract/errors.ts'

/**
 * Why a store could not be opened, for the person who starts the platform: which one, what was wrong, what to do. `url`: PostgreSQL's, else
 * it is the file of SQLite. What says so already stays as it is.
 */
export function explainStoreFailure(
  error: unknown,
  place: { file: string; url: string | undefined },
): unknown {
  const root = findRoot(error)
  if (!(root instanceof Error) || root instanceof PlatformError) return error
  const code = error instanceof PlatformError ? error.code : 'store_unavailable'
  const message =
    place.url === undefined
      ? `The database ${place.file} cannot be opened: ${root.message}. Mend what that names; a damaged file is replaced by a backup (docs/operations/backup.md).`
      : `The database ${hidePassword(place.url)} cannot be used: ${describe(root)}. Check store.url or store.urlFile, and that PostgreSQL runs there.`
  return new PlatformError(code, { message, cause: error })
}

/** What went wrong first. */
function findRoot(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? findRoot(error.cause) : error
}

/** Of a host with several addresses Node tells what each of them said, and nothing of its own. */
function describe(error: Error): string {
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error]
  return errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; ')
}

function hidePassword(url: string): string {
  if (!URL.canParse(url)) return 'of store.url'
  const { protocol, username, host, pathname } = new URL(url)
  return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}`
}
