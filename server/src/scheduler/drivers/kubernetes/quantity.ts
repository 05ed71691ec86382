const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** A quantity of Kubernetes' API (`250m`, `64Mi`, `1e3`) as a number; 0 for one that is absent or is none. */
export function parseQuantity(text: string | undefined): number {
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([numkMGTPE]i?|Ki|)$/.exec(text ?? '')
  const factor = factors[match?.[2] ?? '']
  const value = Number(match?.[1])
  return match === null || factor === undefined || Number.isNaN(value) ? 0 : value * factor
}
