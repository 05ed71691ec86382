/** One event of a stream as the HTML standard's "server-sent events" define it. */
export interface ServerSentEvent {
  event: string
  data: string
  id: string
}

/** Splits a stream of bytes into its events; comments and keep-alives are passed over. */
export async function* readServerSentEvents(stream: AsyncIterable<Buffer>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder()
  let pending = ''
  for await (const chunk of stream) {
    pending += decoder.decode(chunk, { stream: true }).replaceAll('\r\n', '\n')
    const blocks = pending.split('\n\n')
    pending = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = parseEvent(block)
      if (event !== undefined) yield event
    }
  }
}

function parseEvent(block: string): ServerSentEvent | undefined {
  const event: ServerSentEvent = { event: 'message', data: '', id: '' }
  const data: string[] = []
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') data.push(value)
    if (field === 'event' || field === 'id') event[field] = value
  }
  return data.length === 0 ? undefined : { ...event, data: data.join('\n') }
}
