/** Whose credential it is. */
export interface CredentialOwner {
  readonly kind: 'user' | 'service'
  readonly id: number
  readonly name: string
}
