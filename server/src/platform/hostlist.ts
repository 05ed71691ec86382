/** A word of a hostlist: letters first, as Slurm's node names have them. */
const wordPattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/
const mostNodes = 65_536

/**
 * The nodes that a Slurm hostlist expression names: `c[1-3,7],gpu[01-02]` → c1, c2, c3, c7, gpu01, gpu02; several brackets multiply.
 * Throws for what is none: the names end up in commands, tags and addresses.
 */
export function expandHostlist(expression: string): readonly string[] {
  const refuse = (): never => {
    throw new Error(`not a list of nodes: ${expression}`)
  }
  const names = splitOutsideBrackets(expression.trim()).flatMap((word) => expandWord(word) ?? refuse())
  if (names.length > mostNodes || !names.every((name) => wordPattern.test(name))) refuse()
  return [...new Set(names)]
}

function splitOutsideBrackets(expression: string): readonly string[] {
  return expression.split(/,(?![^[\]]*\])/)
}

/** Undefined for what is malformed or too much, before it is made. */
function expandWord(word: string): readonly string[] | undefined {
  const bracket = /^([^[\]]*)\[([^[\]]+)\](.*)$/.exec(word)
  if (bracket === null) return [word]
  const [, before = '', ranges = '', after = ''] = bracket
  const numbers = expandRanges(ranges)
  const tails = expandWord(after)
  if (numbers === undefined || tails === undefined || numbers.length * tails.length > mostNodes)
    return undefined
  return numbers.flatMap((number) => tails.map((tail) => `${before}${number}${tail}`))
}

/** `08-11,20` → 08, 09, 10, 11, 20: each range as wide as its first number is written. */
function expandRanges(text: string): readonly string[] | undefined {
  const numbers: string[] = []
  for (const range of text.split(',')) {
    const [, first = '', last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range) ?? []
    const [from, count] = [Number(first), Number(last) - Number(first) + 1]
    if (first === '' || count < 1 || numbers.length + count > mostNodes) return undefined
    for (let n = from; n < from + count; n++) numbers.push(String(n).padStart(first.length, '0'))
  }
  return numbers
}
