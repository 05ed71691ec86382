import { type ComponentType, type LazyExoticComponent, lazy } from 'react'

const storageKey = 'atrium-reloaded-at'
const reloadAgainAfterMs = 10_000

/** A page that is loaded when it is opened. */
export function lazyPage(load: () => Promise<ComponentType>): LazyExoticComponent<ComponentType> {
  return lazy(async () => ({ default: await load().catch(reloadOnce) }))
}

/**
 * A platform that was upgraded meanwhile has other files: the whole page is loaded anew. Only once, so that files that are really missing
 * show as an error.
 */
function reloadOnce(error: unknown): Promise<never> {
  const reloadedAtMs = Number(sessionStorage.getItem(storageKey))
  if (Date.now() - reloadedAtMs < reloadAgainAfterMs) throw error
  sessionStorage.setItem(storageKey, String(Date.now()))
  location.reload()
  return new Promise(() => {})
}
