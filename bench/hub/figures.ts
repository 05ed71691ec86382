/** Figures of one round, by the name of the row. */
export type Figures = Record<string, number>

/** One row's figure of every round. */
export function collectFigures(figures: readonly Figures[], name: string): readonly number[] {
  return figures.map((each) => {
    const value = each[name]
    if (value === undefined) throw new Error(`no figure: ${name}`)
    return value
  })
}
