/** A proxy as the bench sees it. */
export interface ProxyUnderTest {
  pid: number
  port: number
  /** Headers of requests that are to be authorized. */
  authorization: readonly string[]
  /** Adds the route `/open/NAME/` to the backend and resolves when the proxy says it is there. */
  addRoute(name: string): Promise<void>
  close(): Promise<void>
}

/** Starts a proxy with the routes `/services/open/` (for everybody) and `/user/bench/` to a backend. */
export type StartProxy = (backendPort: number) => Promise<ProxyUnderTest>

export const openPath = '/services/open/'
export const userPath = '/user/bench/'
