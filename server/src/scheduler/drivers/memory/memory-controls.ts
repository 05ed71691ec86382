import type { AllocatedUse, JobSpec } from '#scheduler/job.ts'
import type { OwnerChoices } from '#scheduler/owner-choices.ts'
import type { Scheduler } from '#scheduler/scheduler.ts'

/** Calls that can be held back. */
export type MemoryCall = Extract<
  keyof Scheduler,
  'submit' | 'find' | 'list' | 'observe' | 'cancel' | 'capacity' | 'choices' | 'forget'
>

/** How one call of `submit` goes wrong. */
export type SubmitFault =
  /** Nothing is submitted and the call fails. */
  | 'lost'
  /** Everything is submitted and the call fails all the same. */
  | 'unanswered'
  /** The first half is submitted and the call fails. */
  | 'half'
  /** Each job is started twice, as by a scheduler that took a repeated message for a new one. */
  | 'twice'

/** What a test does to the scheduler. Change it at any time. */
export interface MemoryControls {
  /** Nothing can be asked; jobs run on. */
  unreachable: boolean
  /** The next calls of `submit` go wrong like this, in order. */
  readonly submitFaults: SubmitFault[]
  /** Specs that are rejected for good, and why. */
  refuse: (spec: JobSpec) => { reason: string; message: string } | undefined
  /** Specs that cannot be submitted just now, and why. */
  delay: (spec: JobSpec) => { reason: string; message: string } | undefined
  /** Jobs that are accepted and never heard of again. */
  vanish: (spec: JobSpec) => boolean
  /** What the scheduler's accounting says that a job had, once it has ended. */
  account: (spec: JobSpec) => AllocatedUse | undefined
  /** What its users may ask for, by login. Undefined: everything there is. */
  choices: ((login: string) => OwnerChoices) | undefined
  /** When it will end a running job, by a limit of its own. */
  endsAtMs: (spec: JobSpec) => number | undefined
  /** False: jobs stay pending until `world.start`. */
  startsByItself: boolean
  /** `twice`: every hint comes again, with keys of nobody. */
  hints: 'once' | 'twice' | 'never'
  /** Running jobs take no notice of `cancel`. */
  ignoresCancel: boolean
  /** Calls of this kind get their answer, as it was at the time of the call, only after the function this answers is called. */
  hold(call: MemoryCall): () => void
  /** Resolves once no hold is on for this kind of call. */
  whenReleased(call: MemoryCall): Promise<void>
}

/** A scheduler that behaves. */
export function createMemoryControls(): MemoryControls {
  const holds = new Map<MemoryCall, { promise: Promise<void>; release: () => void }>()
  return {
    unreachable: false,
    submitFaults: [],
    refuse: () => undefined,
    delay: () => undefined,
    vanish: () => false,
    account: () => undefined,
    endsAtMs: () => undefined,
    choices: undefined,
    startsByItself: true,
    hints: 'once',
    ignoresCancel: false,
    hold(call) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const release = () => {
        holds.delete(call)
        resolve()
      }
      holds.set(call, { promise, release })
      return release
    },
    async whenReleased(call) {
      await holds.get(call)?.promise
    },
  }
}
