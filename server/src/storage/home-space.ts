/** How much room a home has. */
export interface HomeSpace {
  usedBytes?: number
  sizeBytes?: number
  /** The storage itself lets in no more than that; false: it is advice. */
  holds: boolean
  measuredAtMs?: number
  /** What keeps it from its size, a sentence. */
  trouble?: string
}

/** Whose home. */
export interface HomeOf {
  id: number
  name: string
  /** Null: there is none yet. */
  login: string | null
}

/** What homes hold, and how large they may be. */
export interface HomeSpaces {
  /** Cheap, and not newer than the last look: see `HomeSpace.measuredAtMs`. */
  find(home: HomeOf): Promise<HomeSpace>
  /** Null: as for all. Throws `unprocessable` where storage cannot follow. `actor`: for the audit trail. */
  setSize(home: HomeOf, bytes: number | null, actor: { name: string; remote?: string }): Promise<void>
}
