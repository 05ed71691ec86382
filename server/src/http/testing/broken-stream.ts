import assert from 'node:assert/strict'

/** Reads an answer that is to break off, and answers what came until then. Fails when it ends as it should not: like any other. */
export async function readUntilBroken(
  response: Response,
  onText: (soFar: string) => void = () => undefined,
): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const part of response.body ?? []) {
      text += decoder.decode(part, { stream: true })
      onText(text)
    }
  } catch {
    return text
  }
  return assert.fail(`the stream came to its end: ${text}`)
}
