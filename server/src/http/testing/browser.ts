import type { FastifyInstance, LightMyRequestResponse } from 'fastify'

interface Cookie {
  readonly value: string
  readonly path: string
  readonly line: string
}

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string | readonly string[]>>
}

/** A browser before an app that listens nowhere: keeps cookies by path and sends what browsers send. It follows no redirect. */
export class TestBrowser {
  readonly cookies = new Map<string, Cookie>()
  readonly #app: FastifyInstance

  constructor(app: FastifyInstance) {
    this.#app = app
  }

  /** A navigation. */
  open(path: string, options: AskOptions = {}): Promise<LightMyRequestResponse> {
    return this.#ask('GET', path, {
      ...options,
      headers: {
        accept: 'text/html',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-site': 'same-origin',
        ...options.headers,
      },
    })
  }

  /** A form posted by a page of ours, with its XSRF token. */
  post(path: string, form: AskOptions['form'], options: AskOptions = {}): Promise<LightMyRequestResponse> {
    return this.#ask('POST', path, {
      ...options,
      form: { _xsrf: this.xsrf(), ...form },
      headers: {
        accept: 'text/html',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-site': 'same-origin',
        ...options.headers,
      },
    })
  }

  /** A request of the portal's scripts, with the XSRF token. */
  call(method: 'GET' | 'POST' | 'DELETE', path: string, json?: unknown): Promise<LightMyRequestResponse> {
    return this.#ask(method, path, {
      ...(json === undefined ? {} : { json }),
      headers: { 'x-xsrftoken': this.xsrf(), 'sec-fetch-mode': 'cors', 'sec-fetch-site': 'same-origin' },
    })
  }

  /** The XSRF token that pages of the hub see. */
  xsrf(): string {
    return this.cookies.get('_xsrf')?.value ?? ''
  }

  async #ask(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    options: AskOptions,
  ): Promise<LightMyRequestResponse> {
    const cookie = [...this.cookies]
      .filter(([, { path: cookiePath }]) => path.startsWith(cookiePath))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ')
    const response = await this.#app.inject({
      method,
      url: path,
      headers: {
        host: 'hub.example',
        'user-agent': 'browser',
        ...(cookie === '' ? {} : { cookie }),
        ...(options.json === undefined ? {} : { 'content-type': 'application/json' }),
        ...(options.form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...options.headers,
      },
      ...buildPayload(options),
    })
    for (const line of [response.headers['set-cookie'] ?? []].flat()) this.#keep(line)
    return response
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    const path = /;\s*path=([^;]+)/i.exec(line)?.[1] ?? '/'
    if (/max-age=0\b/i.test(line)) this.cookies.delete(name)
    else this.cookies.set(name, { value, path, line })
  }
}

function buildPayload({ json, form }: AskOptions): { payload?: string } {
  if (json !== undefined) return { payload: JSON.stringify(json) }
  if (form === undefined) return {}
  const fields = Object.entries(form).flatMap(([name, value]) => [value].flat().map((each) => [name, each]))
  return { payload: new URLSearchParams(fields as [string, string][]).toString() }
}

/** What the control plane wrote into a page. */
export function readPage(
  html: string,
): Record<string, unknown> & { content: Record<string, unknown>; user: { name: string } | null } {
  const json = /id="atrium-page"[^>]*>(.*?)<\/script>/s.exec(html)?.[1]
  if (json === undefined) throw new Error(`no page of the portal: ${html.slice(0, 500)}`)
  return JSON.parse(json)
}
