/**
 * Where Atrium answers otherwise than JupyterHub, on purpose. The test refuses every difference that is not here, and every entry that no
 * answer shows any more; `docs/compatibility.md` is written from it.
 */
export interface WantedDifference {
  /** `CHAPTER/STEP`, where `*` stands for anything. */
  steps: readonly string[]
  /** `status`, `headers/location`, `body/servers/*`; `*` stands for anything. */
  field: string
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

export const wantedDifferences: readonly WantedDifference[] = []
