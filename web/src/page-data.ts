import type { PortalPage, PortalUser } from '@atrium/contract/portal-page.ts'

/** What the control plane wrote into this page. It never changes: signing in or out loads a new page. */
export const portalPage: PortalPage = readPortalPage()

/** The person in front of the page; pages that need one are only reached when there is one. */
export function signedInUser(): PortalUser {
  if (!portalPage.user) throw new Error('nobody is signed in')
  return portalPage.user
}

/** True when the person holds the scope, whatever its filter: decides what is offered, never what is allowed. */
export function mayUse(...scopes: readonly string[]): boolean {
  const held = portalPage.user?.scopes ?? []
  return scopes.some((scope) => held.some((each) => each === scope || each.startsWith(`${scope}!`)))
}

/** True when the person holds the scope for everybody and everything. */
export function mayUseForAll(scope: string): boolean {
  return portalPage.user?.scopes.includes(scope) ?? false
}

/** True when the person holds the scope for what belongs to this user. */
export function mayUseOf(scope: string, user: string): boolean {
  return mayUseForAll(scope) || (portalPage.user?.scopes.includes(`${scope}!user=${user}`) ?? false)
}

/** What the person holds the scope for by name: groups, of `read:usage!group=astro`. */
export function listNamedBy(scope: string, kind: 'group'): readonly string[] {
  const start = `${scope}!${kind}=`
  const held = portalPage.user?.scopes ?? []
  return held.flatMap((each) => (each.startsWith(start) ? [each.slice(start.length)] : []))
}

function readPortalPage(): PortalPage {
  const json = document.getElementById('atrium-page')?.textContent
  if (!json) throw new Error('the page came without its data')
  return JSON.parse(json) as PortalPage
}
