/** A hub the same scripts can measure, ours or the peer. */
export interface HubUnderTest {
  readonly name: string
  /** Where users come in, through its proxy. */
  readonly url: string
  readonly adminToken: string
  /** Every process that runs while nobody is there. */
  pids(): Promise<readonly number[]>
  /** Milliseconds from the command to the first answer through the proxy. */
  readonly startUpMs: number
  /** Signs a user in by password; answers when the session is there. */
  signIn(user: string): Promise<void>
  stop(): Promise<void>
}

export interface HubOptions {
  /** argv of users' servers; default: the real JupyterLab. */
  serverCommand?: readonly string[]
}

export type StartHub = (options?: HubOptions) => Promise<HubUnderTest>

/** One call of the REST API; throws when the status is not one of those expected. */
export async function callHub(
  hub: Pick<HubUnderTest, 'url' | 'adminToken'>,
  method: string,
  path: string,
  { body, expect = [200, 201, 202, 204] }: { body?: unknown; expect?: readonly number[] } = {},
): Promise<unknown> {
  const response = await fetch(new URL(path, hub.url), {
    method,
    headers: {
      authorization: `token ${hub.adminToken}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!expect.includes(response.status))
    throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** Resolves when `url` answers well. */
export async function waitForAnswer(url: string, withinMs = 60_000): Promise<void> {
  const end = performance.now() + withinMs
  for (;;) {
    try {
      const response = await fetch(url, { redirect: 'manual' })
      await response.arrayBuffer()
      if (response.ok) return
    } catch {
      // Not listening yet.
    }
    if (performance.now() > end) throw new Error(`${url} did not answer in time`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
