/**
 * An answer of Atrium's that is not JupyterHub's, on purpose. The test refuses every difference that no entry describes, and every step and
 * field of an entry that no answer shows any more; `docs/compatibility.md` is written from them.
 */
export interface WantedDifference {
  /** `CHAPTER/STEP`, where `*` stands for anything. */
  steps: readonly string[]
  /**
   * What Atrium answers, by field (`status`, `headers/location`, `body/servers/*`, where `*` stands for anything): the value, what a text
   * looks like, undefined where it has no such field, or `anything`.
   */
  fields: Readonly<Record<string, unknown>>
  /** Only where JupyterHub's value is this, or looks like it. */
  reference?: unknown
  /** What JupyterHub answers there, in words. */
  jupyterhub: string
  /** What Atrium answers there, in words. */
  atrium: string
  reason: string
}

/** For a field whose value says no more than another field of the same answer. */
export const anything: unique symbol = Symbol('anything')
