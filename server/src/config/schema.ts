import { type Static, Type } from 'typebox'

import { groupsSection, rolesSection, servicesSection, signInSection } from './sections/access.ts'
import { daskSection } from './sections/dask.ts'
import { controlPlaneSection } from './sections/external-edge.ts'
import {
  edgeSection,
  environmentSection,
  logSection,
  schedulerSection,
  storageSection,
  storeSection,
} from './sections/platform.ts'
import { costSection, profilesSection, quotasSection, serversSection } from './sections/servers.ts'

/** The one schema of `atrium.yaml`: validation, defaults, the editors' JSON Schema and the reference page come from it. */
export const configSchema = Type.Object(
  {
    data: Type.Optional(
      Type.String({
        description:
          'Folder for everything the platform keeps. Default: /var/lib/atrium as root, else ~/.local/share/atrium.',
      }),
    ),
    keys: Type.Optional(
      Type.String({
        description:
          'Folder with the keys of the platform, which is only read: a mounted Secret. sealing.key, and edge.key where edges run by themselves; of the others, xsrf.key and those of drivers, what is not there follows from sealing.key. Each 32 bytes, or 64 hex digits. Absent: made in the data folder. All replicas have to have the same.',
      }),
    ),
    edge: edgeSection,
    controlPlane: controlPlaneSection,
    store: storeSection,
    scheduler: schedulerSection,
    storage: storageSection,
    environment: environmentSection,
    signIn: signInSection,
    admins: Type.Array(Type.String(), { description: 'Users who are administrators.', default: [] }),
    groups: groupsSection,
    roles: rolesSection,
    services: servicesSection,
    profiles: profilesSection,
    servers: serversSection,
    dask: daskSection,
    quotas: quotasSection,
    cost: costSection,
    log: logSection,
  },
  {
    additionalProperties: false,
    title: 'Atrium',
    description: 'Configuration of an Atrium platform. Every key is optional.',
  },
)

/** The file's content, defaults filled in. Durations and sizes are still text: read them with `parseDurationMs` and `parseByteSize`. */
export type Config = Static<typeof configSchema>
