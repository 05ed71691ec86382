import { type IncomingMessage, request } from 'node:http'

/** Signs in as a browser does: the page with its XSRF cookie, then the form. Not by `fetch`, which cannot navigate. */
export async function signInByForm(url: string, user: string, password: string): Promise<void> {
  const { cookies, xsrf } = await openSignInPage(url)
  const answer = await send(
    'POST',
    `${url}/hub/login?_xsrf=${encodeURIComponent(xsrf)}`,
    { cookie: cookies, 'content-type': 'application/x-www-form-urlencoded' },
    new URLSearchParams({ username: user, password, _xsrf: xsrf }).toString(),
  )
  if (answer.statusCode !== 302) throw new Error(`sign-in answered ${answer.statusCode}`)
}

/** Sets a password by a one-time link of Atrium's, as its page does. */
export async function setPasswordByLink(link: string, password: string): Promise<void> {
  const url = new URL(link)
  const { cookies, xsrf } = await openSignInPage(url.origin)
  const answer = await send(
    'POST',
    `${url.origin}/api/v1/links/use`,
    { cookie: cookies, 'x-xsrftoken': xsrf, 'content-type': 'application/json' },
    JSON.stringify({ secret: url.hash.slice('#token='.length), password }),
  )
  if (answer.statusCode !== 200) throw new Error(`the link answered ${answer.statusCode}`)
}

async function openSignInPage(url: string): Promise<{ cookies: string; xsrf: string }> {
  const page = await send('GET', `${url}/hub/login`, {})
  const cookies = (page.headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0] ?? '')
  const xsrf = cookies.find((cookie) => cookie.startsWith('_xsrf='))?.slice('_xsrf='.length) ?? ''
  return { cookies: cookies.join('; '), xsrf }
}

const navigation = {
  accept: 'text/html',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-site': 'same-origin',
  'sec-fetch-dest': 'document',
}

function send(
  method: string,
  url: string,
  headers: Record<string, string>,
  body?: string,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers: { ...navigation, ...headers } }, (answer) => {
      answer.resume()
      answer.once('end', () => resolve(answer))
    })
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}
