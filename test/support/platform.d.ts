/** What `atrium up --json` says when it is ready. */
export interface ReadyLine {
  ready: true
  url: string
  pid: number
  /** Present until somebody has used it. */
  signInLink?: string
}
export interface PlatformOptions {
  /** Content of `atrium.yaml`. */
  config?: string
  /** A folder to go on with; default: a new one that `dispose` removes. */
  data?: string
  environment?: NodeJS.ProcessEnv
  /** Python environment of servers; default: the tests' shared one. */
  prefix?: string
}
/** A platform as a newcomer starts it: `atrium up`, its own data folder, a free port. */
export interface Platform {
  readonly data: string
  readonly url: string
  readonly ready: ReadyLine
  /** The control plane's process. */
  readonly pid: number
  /** The local administrator's token. */
  adminToken(): Promise<string>
  /** What the control plane wrote to standard error so far. */
  log(): string
  /** JSON by the public door, as the administrator unless a token is given. */
  api<T>(
    method: string,
    path: string,
    options?: {
      body?: unknown
      token?: string
    },
  ): Promise<{
    status: number
    body: T
  }>
  /** Kills the control plane without a word, or as told; resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts the control plane again on the same data and port. */
  startAgain(environment?: NodeJS.ProcessEnv): Promise<void>
  /** `atrium down --all`, and the data folder goes if it was ours. */
  dispose(): Promise<void>
}
/** Starts a platform and waits for its ready line. */
export declare function startPlatform(options?: PlatformOptions): Promise<Platform>
/** Runs the command line to its end. */
export declare function runCli(
  args: readonly string[],
  environment?: NodeJS.ProcessEnv,
): Promise<{
  code: number
  stdout: string
  stderr: string
}>
