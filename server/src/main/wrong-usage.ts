import { PlatformError } from '@atrium/contract/errors.ts'

/** The command line asks for something that cannot be. */
export class WrongUsage extends PlatformError {
  constructor(message: string) {
    super('bad_request', { message })
  }
}
