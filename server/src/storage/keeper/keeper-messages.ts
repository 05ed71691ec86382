import { type Static, Type } from 'typebox'

/** What the platform and the storage keeper say to each other, JSON over HTTP. Routes: `PUT /homes/FOLDER`, `PUT /groups/FOLDER`, `GET …/size`. */
const personId = Type.Integer({ minimum: 1000, maximum: 2_147_483_647 })

export const homeRequest = Type.Object({ uid: personId, gid: personId }, { additionalProperties: false })

export const groupRequest = Type.Object({ gid: personId }, { additionalProperties: false })

export const sizeAnswer = Type.Object({
  /** Null: not known yet. */
  size: Type.Union([
    Type.Null(),
    Type.Object({
      bytes: Type.Number(),
      files: Type.Number(),
      complete: Type.Boolean(),
      measuredAtMs: Type.Number(),
    }),
  ]),
})

export const failureAnswer = Type.Object({ code: Type.String(), message: Type.String() })

export type SizeAnswer = Static<typeof sizeAnswer>
