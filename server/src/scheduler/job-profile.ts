import type { JobOwner, JobResources, QueueOptions } from './job.ts'
import type { PodPlace } from './pod-options.ts'

/** What a named profile gives to a job of any kind. */
export interface JobProfile extends PodPlace {
  name: string
  title: string
  /** Of one task. */
  resources: JobResources
  queue?: QueueOptions
  preemptible: boolean
  timeLimitMs?: number
  /** Prefix of its Python environment; absent: the platform's own. */
  environmentPrefix?: string
}

/** Which profile a person asks for; absent: the first that is offered to them. */
export interface JobProfileWish {
  profile?: string | undefined
  account?: string | undefined
}

/** Who a person's jobs run as, with a home that is there. */
export interface PreparedOwner {
  owner: JobOwner
  /** The login shell. */
  shell: string
}
