import { PlatformError } from '@atrium/contract/errors.ts'

import { type DataFolder, readGivenKey } from './data-folder.ts'

export const edgeKeyFile = 'edge.key'

/** The key that edges and control planes share; never derived, since edges hold no other. Throws with a sentence that names the file. */
export function readEdgeKey({ givenKeys }: Pick<DataFolder, 'givenKeys'>): Promise<Buffer> {
  if (givenKeys === undefined)
    throw new PlatformError('bad_request', { message: 'edge.external needs keys in the configuration.' })
  return readGivenKey(givenKeys, edgeKeyFile)
}
