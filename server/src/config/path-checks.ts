/** Whether `path` is `folder` or below it. Both are absolute. */
export function isWithin(path: string, folder: string): boolean {
  const place = folder.replace(/\/+$/, '')
  return path === place || path.startsWith(`${place}/`)
}

/** Whether a part of it is `..`. */
export function leadsOut(path: string): boolean {
  return path.split('/').includes('..')
}
