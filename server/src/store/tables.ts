import type { JobKind, JobState } from '@atrium/contract/jobs.ts'
import type { ColumnType, Generated } from 'kysely'

/**
 * The database as Kysely sees it. Portable between SQLite and PostgreSQL: times are integers, milliseconds since the epoch; booleans are
 * 0 or 1; JSON is text written and read by repositories. Secrets are stored as SHA-256 hashes only.
 */
export interface Tables {
  users: UsersTable
  groups: GroupsTable
  group_members: GroupMembersTable
  unix_groups: UnixGroupsTable
  roles: RolesTable
  role_assignments: RoleAssignmentsTable
  services: ServicesTable
  tokens: TokensTable
  sessions: SessionsTable
  one_time_links: OneTimeLinksTable
  oauth_clients: OauthClientsTable
  oauth_codes: OauthCodesTable
  servers: ServersTable
  shares: SharesTable
  share_codes: ShareCodesTable
  dask_clusters: DaskClustersTable
  dask_workers: DaskWorkersTable
  jobs: JobsTable
  job_events: JobEventsTable
  job_placements: JobPlacementsTable
  runs: RunsTable
  schedules: SchedulesTable
  quota_entries: QuotaEntriesTable
  usage_days: UsageDaysTable
  usage_totals: UsageTotalsTable
  replicas: ReplicasTable
  leases: LeasesTable
  audit_events: AuditEventsTable
  settings: SettingsTable
}

type Id = Generated<number>
type Milliseconds = number
type Flag = ColumnType<number, number | undefined, number>
type JsonText = string

export interface UsersTable {
  id: Id
  /** Normalised: lower case. Unique. */
  name: string
  admin: Flag
  created_at: Milliseconds
  last_activity: Milliseconds | null
  /** PHC string of argon2id; null: no local password. */
  password_hash: string | null
  /** Counts password tries since the last success, for the pause between tries. */
  failed_logins: ColumnType<number, number | undefined, number>
  locked_until: Milliseconds | null
  /** Unix account on the nodes; null until the first job needs it. */
  login: string | null
  uid: number | null
  gid: number | null
  auth_state: JsonText | null
  /** How large the home may be; null: as configured for all. */
  home_bytes: number | null
}

export interface GroupsTable {
  id: Id
  name: string
  properties: JsonText
  gid: number | null
  created_at: Milliseconds
}

/** What groups are on the machines. Rows stay when their group goes, so that neither number nor folder is given out again. */
export interface UnixGroupsTable {
  /** The gid follows from it: see `identity/unix-groups.ts`. */
  id: Id
  /** One part of a path. Unique. */
  folder: string
  group_id: number | null
}

export interface GroupMembersTable {
  group_id: number
  user_id: number
}

export interface RolesTable {
  id: Id
  name: string
  description: string
  scopes: JsonText
  /** Came from the program or config, not from a person. */
  managed: Flag
}

/** Exactly one of the three subjects is set. */
export interface RoleAssignmentsTable {
  id: Id
  role_id: number
  user_id: number | null
  group_id: number | null
  service_id: number | null
  managed: Flag
}

export interface ServicesTable {
  id: Id
  name: string
  url: string | null
  info: JsonText
  admin: Flag
  display: Flag
  oauth_client_id: string | null
  managed: Flag
}

export interface TokensTable {
  id: Id
  /** SHA-256 of the secret, lower-case hex. Unique. */
  hash: string
  /** First characters of the secret, for people to tell tokens apart. */
  /** Prefix of the environment, or that and the image as JSON. */
  prefix: string
  user_id: number | null
  service_id: number | null
  /** Whose OAuth token: `jupyterhub` for tokens asked for by page or API. */
  client_id: string
  /** JupyterHub's session id, ties OAuth tokens to a browser session so that sign-out revokes them. */
  session_id: string | null
  scopes: JsonText
  note: string
  created_at: Milliseconds
  expires_at: Milliseconds | null
  last_activity: Milliseconds | null
  /** The server whose own token this is: goes with it. */
  server_id: number | null
}

export interface SessionsTable {
  id: Id
  hash: string
  /** Public id of the browser session, what OAuth tokens refer to. */
  session_id: string
  user_id: number
  created_at: Milliseconds
  expires_at: Milliseconds
  last_activity: Milliseconds
  remote: string
  user_agent: string
}

export interface OneTimeLinksTable {
  id: Id
  hash: string
  purpose: 'sign-in' | 'set-password' | 'invitation'
  user_id: number | null
  /** Groups of an invited user and the like. */
  data: JsonText
  created_by: string
  created_at: Milliseconds
  expires_at: Milliseconds
  used_at: Milliseconds | null
}

export interface OauthClientsTable {
  id: Id
  client_id: string
  secret_hash: string
  redirect_uris: JsonText
  allowed_scopes: JsonText
  description: string
  /** The server this client stands for, if it is one's. */
  server_id: number | null
  service_id: number | null
  created_at: Milliseconds
}

export interface OauthCodesTable {
  id: Id
  hash: string
  client_id: string
  user_id: number
  session_id: string | null
  redirect_uri: string
  scopes: JsonText
  code_challenge: string | null
  code_challenge_method: string | null
  expires_at: Milliseconds
}

export interface ServersTable {
  id: Id
  user_id: number
  /** Empty for the default server. Unique per user. */
  name: string
  /** What people see: any text. Empty for the default server. */
  display_name: string
  /** The job that runs or ran it; null: never started or its record is gone. */
  job_key: string | null
  profile: string | null
  user_options: JsonText
  created_at: Milliseconds
  started_at: Milliseconds | null
  last_activity: Milliseconds | null
  /** Set while "keep it running" holds the idle stop off. */
  keep_until: Milliseconds | null
  /** When the idle stop will happen, once the warning was given. */
  idle_stop_at: Milliseconds | null
  /** Why it counts as in use or idle: what the last look saw. */
  idle_report: JsonText | null
  /** The record goes when the job has ended. */
  remove_when_stopped: Flag
}

export interface SharesTable {
  id: Id
  server_id: number
  owner_id: number
  user_id: number | null
  group_id: number | null
  scopes: JsonText
  created_at: Milliseconds
  expires_at: Milliseconds | null
}

export interface ShareCodesTable {
  id: Id
  hash: string
  /** Prefix of the environment, or that and the image as JSON. */
  prefix: string
  server_id: number
  owner_id: number
  scopes: JsonText
  created_at: Milliseconds
  expires_at: Milliseconds | null
  exchange_count: ColumnType<number, number | undefined, number>
  last_exchanged_at: Milliseconds | null
}

export interface JobsTable {
  id: Id
  /** Chosen before submission, unique for ever, visible in the scheduler. */
  key: string
  kind: JobKind
  driver: string
  user_id: number | null
  /** The group whose quota it counts against besides its owner's, if any. */
  group_id: number | null
  /** What the job is of: `server:17`, `cluster:3`. */
  subject: string
  desired: 'run' | 'stop'
  state: JobState
  spec: JsonText
  /** What happens to it by itself: readiness, retries, grace. */
  policy: JsonText
  /** Secrets of the environment, sealed, apart from `spec` so that no listing carries them; cleared when the job ends. */
  secrets: JsonText | null
  handle: JsonText | null
  endpoint: JsonText | null
  node: string | null
  /** Short and stable: why it waits or how it ended. */
  reason: string | null
  message: string | null
  exit_code: number | null
  exit_signal: string | null
  log_tail: string | null
  /** Place and estimated start in the scheduler's own queue. */
  wait: JsonText | null
  /** What it takes of quotas while it holds its share. */
  servers: number
  workers: number
  cpu: number
  memory_bytes: number
  gpu: number
  /** Starts so far, those that failed before it was ready, and the time before which the next must not come. */
  attempts: ColumnType<number, number | undefined, number>
  failed_starts: ColumnType<number, number | undefined, number>
  retry_at: Milliseconds | null
  priority: ColumnType<number, number | undefined, number>
  usage: JsonText | null
  restarts: JsonText | null
  requested_at: Milliseconds
  submitted_at: Milliseconds | null
  started_at: Milliseconds | null
  ready_at: Milliseconds | null
  stop_requested_at: Milliseconds | null
  ends_at: Milliseconds | null
  time_warned_at: Milliseconds | null
  ended_at: Milliseconds | null
}

export interface JobEventsTable {
  id: Id
  job_key: string
  at: Milliseconds
  /** 0-100 where known. */
  progress: number | null
  message: string
  html_message: string | null
  kind: 'progress' | 'ready' | 'failed' | 'warning'
}

/** What is wanted of a Dask cluster, and what its scheduler said last; how it is follows from its jobs. */
export interface DaskClustersTable {
  id: Id
  /** 32 hexadecimal digits, unique for ever. */
  name: string
  user_id: number
  /** The server whose token asked for it. */
  server_id: number | null
  desired: ColumnType<'run' | 'stop', 'run' | undefined, 'run' | 'stop'>
  /** As what it is to end, or has ended, once it is to stop. */
  outcome: 'stopped' | 'failed' | null
  /** Why it stops, short and stable; and for its owner. */
  reason: string | null
  message: string | null
  log_tail: string | null
  options: JsonText
  settings: JsonText
  /** Certificate, key and token, sealed; cleared when it has ended. */
  secrets: string | null
  /** SHA-256 of the token by which the scheduler proves itself. */
  token_hash: string
  /** Key of its scheduler's job. */
  scheduler_job: string
  /** Workers it wants now. */
  wanted: ColumnType<number, number | undefined, number>
  /** Bounds, while it adapts. */
  adapt: JsonText | null
  /** Counts wishes for another size, and up to which its scheduler knows them. */
  wish: ColumnType<number, number | undefined, number>
  wish_told: ColumnType<number, number | undefined, number>
  /** How many workers its scheduler said last that it wants; null: it said nothing yet. */
  reported: number | null
  /** Times that workers were lost in a row, the last time, and when lost ones are replaced. */
  losses: ColumnType<number, number | undefined, number>
  lost_at: Milliseconds | null
  replace_at: Milliseconds | null
  /** Why workers are missing, for its owner. */
  trouble: string | null
  created_at: Milliseconds
  started_at: Milliseconds | null
  stopped_at: Milliseconds | null
}

/** A worker of a cluster: its job, and what the scheduler said of it. */
export interface DaskWorkersTable {
  job_key: string
  cluster_id: number
  created_at: Milliseconds
  connected_at: Milliseconds | null
  /** Its end is wanted since then: by the scheduler, or by us. */
  closing_at: Milliseconds | null
  ended_at: Milliseconds | null
}

/** One start of a job, for schedulers that are handed no more than its key: whose it is, and what it reports from its node. */
export interface JobPlacementsTable {
  /** Of the start: the job's key and the attempt's number. */
  key: string
  job_key: string
  uid: number
  /** The scheduler's own id of it, once it was submitted. */
  ref: string | null
  /** The scheduler's id of the one job that may run it. */
  claimed_by: string | null
  host: string | null
  ports: JsonText | null
  exit: JsonText | null
  log_start: number | null
  memory_bytes: number | null
  cpu_seconds: number | null
  oom_kills: number | null
}

/** A program that somebody started as one job or as an array of them. The jobs' subject is `run:ID`. */
export interface RunsTable {
  id: Id
  user_id: number
  name: string
  kind: 'batch' | 'engine'
  /** argv. */
  command: JsonText
  /** All that was asked for, sealed: the variables in it are nobody's to read. */
  request: string
  tasks: number
  nodes: number | null
  /** Numbers of the array as they were asked for; null: one job. */
  array_spec: string | null
  /** Jobs it has or had. */
  job_count: number
  /** The job's key; of an array what stands before the number in each job's key. */
  job_key: string
  profile: string | null
  /** Prefix of the environment, or that and the image as JSON. */
  prefix: string
  working_directory: string
  schedule_id: number | null
  /** What it writes for people, below the home. */
  result: string | null
  /** What became of the jobs, once all have ended: their records go before this one does. */
  outcome: JsonText | null
  created_at: Milliseconds
  ended_at: Milliseconds | null
}

/** A run by the clock. */
export interface SchedulesTable {
  id: Id
  user_id: number
  /** Unique per user: results stand in a folder of this name. */
  name: string
  /** As it was asked for, without variables. */
  request: JsonText
  /** The variables that were given, sealed; null: none. */
  variables: string | null
  /** Prefix of the environment of the server whose token asked, or that and its image as JSON; null: no server's. */
  server_prefix: string | null
  enabled: Flag
  /** When it is due; null: not enabled. */
  next_at: Milliseconds | null
  /** How often it has run. */
  times: number
  last_run_id: number | null
  /** Why nothing was run the last time it was due; null: something was. */
  last_message: string | null
  created_at: Milliseconds
}

/** One row per subject a job counts against while it holds its share. */
export interface QuotaEntriesTable {
  id: Id
  job_key: string
  subject_kind: 'user' | 'group' | 'platform'
  subject_id: number
  job_kind: JobKind
  servers: number
  workers: number
  cpu: number
  memory_bytes: number
  gpu: number
  taken_at: Milliseconds
}

/** What is counted of finished starts of jobs. */
interface UsageAmounts {
  /** Starts that ended. One over midnight counts on the day of its end. */
  runs: number
  core_seconds: number
  gpu_seconds: number
  /** Gibibytes times seconds: bytes would leave the range of exact numbers. */
  gib_seconds: number
}

/**
 * Use by day, so that years are read by adding up few rows. Without references: what was used stays when a user or group is deleted, whose
 * id is never given again. A use stands once with group 0, for everything, and once with each group it counts for.
 */
export interface UsageDaysTable extends UsageAmounts {
  /** Days since the epoch, in UTC. */
  day: number
  /** 0: nobody. */
  user_id: number
  /** 0: every use, whatever its groups. */
  group_id: number
  kind: JobKind
  /** Partition or node pool; empty: the default one. */
  partition: string
}

/** The sums of all days, for counters that are read every few seconds. */
export interface UsageTotalsTable extends UsageAmounts {
  group_id: number
  kind: JobKind
}

export interface ReplicasTable {
  id: string
  /** Where its control plane listens: `unix:/path` or `http://host:port`. */
  address: string
  version: string
  started_at: Milliseconds
  seen_at: Milliseconds
}

export interface LeasesTable {
  name: string
  holder: string
  /** Grows with every new holder; writes under an older one are refused. */
  fence: number
  expires_at: Milliseconds
}

export interface AuditEventsTable {
  id: Id
  at: Milliseconds
  /** `user:alice`, `service:culler`, `system`. */
  actor: string
  action: string
  target: string
  outcome: 'ok' | 'refused'
  detail: JsonText
  remote: string | null
}

export interface SettingsTable {
  key: string
  value: JsonText
}
