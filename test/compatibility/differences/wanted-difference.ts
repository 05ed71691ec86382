/**
 * An answer of Atrium's that is not JupyterHub's, on purpose. The test refuses every difference that no entry describes, and every entry that
 * no answer shows any more; `docs/compatibility.md` is written from them.
 */
export interface WantedDifference {
  /** `CHAPTER/STEP`, where `*` stands for anything. */
  steps: readonly string[]
  /** `status`, `headers/location`, `body/servers/*`; `*` stands for anything. */
  fields: readonly string[]
  /** What JupyterHub answers there, in words. */
  jupyterhub: string
  /** What Atrium answers there, in words. */
  atrium: string
  reason: string
  /** Only where JupyterHub's value is this. */
  reference?: unknown
  /** Only where Atrium's value is this, or looks like it. */
  seen?: unknown
}
