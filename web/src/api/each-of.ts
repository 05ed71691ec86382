import { messageOf } from './http.ts'

/** Asked of the server at the same time: enough to be quick, too few to crowd others out. */
const atOnce = 4

/** Does something with each of many. Goes on after failures, and throws in the end with what failed, by name, and why. */
export async function eachOf<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string,
  act: (item: Item) => Promise<unknown>,
): Promise<void> {
  const waiting = [...items]
  const failures: string[] = []
  const work = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      const name = nameOf(item)
      await act(item).catch((error: unknown) => failures.push(`${name}: ${messageOf(error)}`))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  if (failures.length > 0) throw new Error(failures.join(' '))
}
