/** The Python that a job runs with. */
export interface JobEnvironment {
  /** Absent: the image's own. */
  prefix?: string
  /** Absent: the platform's own, or there are no images. */
  image?: string
}

/** What a profile says of it, filled in: an image brings its own Python unless the profile names a prefix beside it. */
export function findProfileEnvironment(
  { environmentPrefix, image }: { environmentPrefix?: string; image?: string },
  platformPrefix: string | undefined,
): JobEnvironment {
  const prefix = environmentPrefix ?? (image === undefined ? platformPrefix : undefined)
  return { ...(prefix === undefined ? {} : { prefix }), ...(image === undefined ? {} : { image }) }
}

/** As one column keeps it: the prefix, where that is all. */
export function formatJobEnvironment(environment: JobEnvironment): string {
  const { prefix, image } = environment
  return prefix !== undefined && image === undefined ? prefix : JSON.stringify(environment)
}

export function parseJobEnvironment(text: string): JobEnvironment {
  return text.startsWith('{') ? (JSON.parse(text) as JobEnvironment) : { prefix: text }
}

/** As people see it. */
export function describeJobEnvironment({ prefix, image }: JobEnvironment): string {
  return prefix ?? image ?? 'of the image'
}
