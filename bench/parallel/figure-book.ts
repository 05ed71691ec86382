import type { Measurement } from '../measurement.ts'
import type { Figures } from './measures.ts'

type Who = 'ours' | 'peer'

/** A row of the table: which figure of which measure it shows. */
export interface Row extends Pick<Measurement, 'name' | 'aim'> {
  figure: string
  measure: string
}

/** Figures of all rounds, and why some are missing. */
export interface FigureBook {
  /** Takes down what `measure` answers, or why it failed; the rest goes on. */
  write(who: Who, place: string, measure: string, take: () => Promise<Figures>): Promise<void>
  read(
    place: string,
    row: Row,
  ): Pick<Measurement, 'name' | 'aim' | 'ours' | 'peer' | 'oursFailed' | 'peerFailed'>
}

export function createFigureBook(): FigureBook {
  const taken: { who: Who; place: string; measure: string; figures: Figures }[] = []
  const failures = new Map<string, string>()
  const keyOf = (who: Who, place: string, measure: string) => [who, place, measure].join('/')
  const collect = (who: Who, place: string, { measure, figure }: Row) =>
    taken.flatMap((each) => {
      const value = each.figures[figure]
      const isOfRow = each.who === who && each.place === place && each.measure === measure
      return isOfRow && value !== undefined ? [value] : []
    })
  return {
    async write(who, place, measure, take) {
      try {
        const figures = await take()
        taken.push({ who, place, measure, figures })
        console.error(keyOf(who, place, measure), JSON.stringify(figures))
      } catch (error) {
        const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
        failures.set(keyOf(who, place, measure), reason)
        console.error(`${keyOf(who, place, measure)} failed: ${reason}`)
      }
    },
    read(place, row) {
      const [oursFailed, peerFailed] = (['ours', 'peer'] as const).map((who) =>
        failures.get(keyOf(who, place, row.measure)),
      )
      return {
        name: `${place}: ${row.name}`,
        ...(row.aim === undefined ? {} : { aim: row.aim }),
        ours: collect('ours', place, row),
        peer: collect('peer', place, row),
        ...(oursFailed === undefined ? {} : { oursFailed }),
        ...(peerFailed === undefined ? {} : { peerFailed }),
      }
    },
  }
}
