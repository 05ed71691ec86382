import type { Socket } from 'node:net'

/** Calls back with every JSON value that comes in, one a line. A line that is not JSON ends the connection. */
export function readJsonLines<T>(socket: Socket, onValue: (value: T) => void): void {
  let parts: string[] = []
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      const line = parts.join('') + text.slice(start, end)
      parts = []
      start = end + 1
      try {
        onValue(JSON.parse(line) as T)
      } catch (error) {
        socket.destroy(error as Error)
        return
      }
    }
    if (start < text.length) parts.push(text.slice(start))
  })
}

/** Sends one value. */
export function writeJsonLine(socket: Socket, value: unknown): void {
  socket.write(`${JSON.stringify(value)}\n`)
}
