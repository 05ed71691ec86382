/** Both databases limit how many values one statement takes. */
const valuesPerStatement = 5000

/** Cuts a list into what one statement can take. */
export function splitIntoParts<Value>(values: readonly Value[]): readonly (readonly Value[])[] {
  const parts: (readonly Value[])[] = []
  for (let start = 0; start < values.length; start += valuesPerStatement) {
    parts.push(values.slice(start, start + valuesPerStatement))
  }
  return parts
}

/** Reads for many ids, a statement's worth at a time. */
export async function readInParts<Id, Row>(
  ids: readonly Id[],
  read: (part: readonly Id[]) => Promise<readonly Row[]>,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const part of splitIntoParts(ids)) rows.push(...(await read(part)))
  return rows
}
