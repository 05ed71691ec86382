import type { PortalPage } from '@atrium/contract/portal-page.ts'

/** The portal's `index.html` with a page's data in it, as the control plane writes it. */
export function buildPageHtml(template: string, page: PortalPage): string {
  const json = JSON.stringify(page).replaceAll('<', '\\u003c')
  return template.replace(/(<script[^>]*id="atrium-page"[^>]*>)/, (tag) => tag + json)
}
