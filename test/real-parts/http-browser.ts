import { request } from 'undici'

/** An answer, its body read. */
export interface BrowserAnswer {
  status: number
  /** Where the last redirect led. */
  url: URL
  headers: Readonly<Record<string, string | string[] | undefined>>
  text: string
  /** The addresses that led here, this one last. */
  visited: readonly string[]
}

export interface BrowserRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  headers?: Readonly<Record<string, string>>
  body?: string
}

interface Cookie {
  name: string
  value: string
  path: string
}

const mostRedirects = 20

/** As much of a browser as the sign-in dance needs: cookies by path, redirects, and the headers by which servers tell pages from scripts. */
export class HttpBrowser {
  readonly #origin: string
  #cookies: Cookie[] = []

  constructor(origin: string) {
    this.#origin = origin
  }

  /** Opens a page as a person does, and follows it to the end. */
  open(path: string): Promise<BrowserAnswer> {
    return this.#follow(path, { headers: { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' } })
  }

  /** Posts a form as a person does, and follows the answer. */
  postForm(path: string, fields: Readonly<Record<string, string>>): Promise<BrowserAnswer> {
    return this.#follow(path, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
      },
      body: new URLSearchParams(fields).toString(),
    })
  }

  /** Asks as a script of a page below `path` does: with the XSRF token that the cookies for it hold. Follows nothing. */
  async call(path: string, { headers = {}, ...options }: BrowserRequest = {}): Promise<BrowserAnswer> {
    const xsrf = this.cookie('_xsrf', path)
    return this.#send(new URL(path, this.#origin), {
      ...options,
      headers: {
        'sec-fetch-mode': 'cors',
        ...(xsrf === undefined ? {} : { 'x-xsrftoken': xsrf }),
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    })
  }

  /** The value of the cookie of this name that is sent to `path`, the most specific one first. */
  cookie(name: string, path: string): string | undefined {
    return this.#cookiesFor(path).find((cookie) => cookie.name === name)?.value
  }

  /** The `Cookie` header for `path`. */
  cookieHeader(path: string): string {
    return this.#cookiesFor(path)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  async #follow(path: string, first: BrowserRequest): Promise<BrowserAnswer> {
    let url = new URL(path, this.#origin)
    let options = first
    const visited: string[] = []
    for (let redirects = 0; redirects <= mostRedirects; redirects += 1) {
      const answer = await this.#send(url, options)
      visited.push(url.pathname + url.search)
      const { location } = answer.headers
      if (answer.status < 300 || answer.status >= 400 || typeof location !== 'string')
        return { ...answer, visited }
      url = new URL(location, url)
      const { 'content-type': _, ...headers } = options.headers ?? {}
      options = { headers }
    }
    throw new Error(`redirected without end: ${visited.join(' -> ')}`)
  }

  async #send(url: URL, { method = 'GET', headers = {}, body }: BrowserRequest): Promise<BrowserAnswer> {
    const cookie = this.cookieHeader(url.pathname)
    const answer = await request(url, {
      method,
      headers: {
        'user-agent': 'atrium-test',
        accept: 'text/html,application/json;q=0.9,*/*;q=0.8',
        'sec-fetch-site': 'same-origin',
        ...(cookie === '' ? {} : { cookie }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    })
    this.#keepCookies(answer.headers['set-cookie'])
    const text = await answer.body.text()
    return { status: answer.statusCode, url, headers: answer.headers, text, visited: [url.pathname] }
  }

  #keepCookies(header: string | string[] | undefined): void {
    for (const line of header === undefined ? [] : [header].flat()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const name = pair.slice(0, pair.indexOf('='))
      const value = pair.slice(name.length + 1).replace(/^"(.*)"$/, '$1')
      const find = (attribute: string) =>
        attributes.find((each) => each.toLowerCase().startsWith(`${attribute}=`))?.slice(attribute.length + 1)
      const path = find('path') ?? '/'
      const expires = find('expires')
      const isGone = find('max-age') === '0' || (expires !== undefined && Date.parse(expires) < Date.now())
      this.#cookies = this.#cookies.filter((cookie) => cookie.name !== name || cookie.path !== path)
      if (!isGone) this.#cookies.push({ name, value, path })
    }
  }

  #cookiesFor(path: string): Cookie[] {
    return this.#cookies
      .filter((cookie) => isBelow(path, cookie.path))
      .sort((a, b) => b.path.length - a.path.length)
  }
}

/** RFC 6265 section 5.1.4. */
function isBelow(path: string, cookiePath: string): boolean {
  if (path === cookiePath) return true
  return path.startsWith(cookiePath) && (cookiePath.endsWith('/') || path[cookiePath.length] === '/')
}
