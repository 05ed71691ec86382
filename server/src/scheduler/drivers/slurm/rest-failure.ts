import { PlatformError } from '@atrium/contract/errors.ts'

interface RestFailureOptions {
  /** False when Slurm surely has not seen the request, so that it can be made again in another way. */
  mayHaveArrived: boolean
  /** The token may be why: another one is worth a try. */
  isTokenTrouble?: boolean
  /** It answers other questions. */
  isForThisOnly?: boolean
  cause?: unknown
}

/** slurmrestd cannot be asked, or could not ask Slurm. */
export class RestFailure extends PlatformError {
  readonly mayHaveArrived: boolean
  readonly isTokenTrouble: boolean
  readonly isForThisOnly: boolean

  constructor(why: string, options: RestFailureOptions) {
    const { mayHaveArrived, isTokenTrouble = false, isForThisOnly = false, cause } = options
    super('scheduler_unavailable', { message: `Slurm's REST service does not answer: ${why}`, cause })
    this.mayHaveArrived = mayHaveArrived
    this.isTokenTrouble = isTokenTrouble
    this.isForThisOnly = isForThisOnly
  }
}
