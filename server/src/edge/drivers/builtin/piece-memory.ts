/** Below this an allocation costs less than what a whole slab keeps from others. */
const smallBytes = 16 * 1024
/** Slabs kept for later. */
const maxFree = 32

/**
 * Memory for what waits to be written: slabs that are used again. Fresh memory for every piece is zeroed, and collected later (seen: half the
 * processor time of a large download).
 */
export class PieceMemory {
  readonly #slabBytes: number
  readonly #free: Buffer[] = []

  /** `slabBytes`: the largest piece. */
  constructor(slabBytes: number) {
    this.#slabBytes = slabBytes
  }

  /** A copy of `piece`, and what to call when it was written. If it is never called, the slab is the garbage collector's. */
  copy(piece: Buffer): { bytes: Buffer; onWritten: () => void } {
    if (piece.length < smallBytes || piece.length > this.#slabBytes)
      return { bytes: Buffer.from(piece), onWritten: doNothing }
    const slab = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#slabBytes)
    slab.set(piece)
    let isInUse = true
    return {
      bytes: slab.subarray(0, piece.length),
      onWritten: () => {
        // Freed twice, it would be given to two readers at a time.
        if (isInUse && this.#free.length < maxFree) this.#free.push(slab)
        isInUse = false
      },
    }
  }
}

function doNothing(): void {
  // A small piece has memory of its own.
}
