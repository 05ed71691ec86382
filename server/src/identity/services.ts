/** A service as stored; all come from the configuration. */
export interface Service {
  readonly id: number
  readonly name: string
  readonly url: string | null
  readonly info: Readonly<Record<string, unknown>>
  readonly admin: boolean
  readonly display: boolean
  readonly oauthClientId: string | null
  /** Names of its roles. */
  readonly roles: readonly string[]
}

/** The services. Changes are announced as `service NAME`. */
export interface Services {
  find(name: string): Promise<Service | undefined>
  list(): Promise<readonly Service[]>
}
