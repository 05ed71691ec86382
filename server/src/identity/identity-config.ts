/** What the configuration says of who there is. */
export interface IdentityConfig {
  /** Users who are administrators; they are created. Others keep what they are. */
  readonly admins: readonly string[]
  /** By name. Members are created and added; others stay. */
  readonly groups: Readonly<Record<string, ConfiguredGroup>>
  readonly roles: readonly ConfiguredRole[]
}

export interface ConfiguredGroup {
  readonly users: readonly string[]
  readonly properties: Readonly<Record<string, unknown>>
}

/** A role, and who has it by the configuration: who is not named any more loses it. */
export interface ConfiguredRole {
  readonly name: string
  readonly description: string
  readonly scopes: readonly string[]
  readonly users: readonly string[]
  readonly groups: readonly string[]
  readonly services: readonly string[]
}
