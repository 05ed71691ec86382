/**
 * What the suite's jobs do. Each takes the arguments named here and behaves the same on every driver:
 *
 * - `succeed`: prints `hello` and exits 0
 * - `fail STATUS`: prints `about to fail` to standard error and exits with STATUS
 * - `crash`: prints `about to crash` and ends by SIGKILL
 * - `wait`: prints `waiting` and runs until asked to end, then prints `bye` and exits 0
 * - `stubborn`: prints `waiting` and takes no notice of SIGTERM
 * - `parent PORT`: has a child that takes no notice of SIGTERM and listens on PORT; itself ends when asked
 * - `context ARGS...`: prints one line of JSON, `ProgramContext`
 * - `chatter LINES`: prints `line 1` ... one after another with a pause, then exits 0
 * - `flood BYTES`: prints that many bytes of `0123456789` and exits 0
 * - `serve PORT BODY [PORT BODY]...`: answers GET / on each port with its body until asked to end
 * - `hog BYTES`: uses that much memory, prints `survived`, exits 0
 * - `burn SECONDS`: computes that long by the wall clock in two processes, prints the cpu seconds they got
 */
export type ProgramKind =
  | 'succeed'
  | 'fail'
  | 'crash'
  | 'wait'
  | 'stubborn'
  | 'parent'
  | 'context'
  | 'chatter'
  | 'flood'
  | 'serve'
  | 'hog'
  | 'burn'

/** What `context` prints. */
export interface ProgramContext {
  argv: readonly string[]
  environment: Readonly<Record<string, string>>
  workingDirectory: string
  uid: number
  /** All that could be read from standard input. */
  input: string
}

/** Makes the command of a program. */
export type BuildProgram = (kind: ProgramKind, ...args: string[]) => [string, ...string[]]

const sources: Readonly<Record<ProgramKind, string>> = {
  succeed: `print('hello')`,
  fail: `print('about to fail', file=sys.stderr); sys.exit(int(args[0]))`,
  crash: `
print('about to crash', flush=True)
os.kill(os.getpid(), signal.SIGKILL)`,
  wait: `
def end(*_):
    print('bye', flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print('waiting', flush=True)
while True: time.sleep(3600)`,
  stubborn: `
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('waiting', flush=True)
while True: time.sleep(3600)`,
  parent: `
import socket
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    door = socket.create_server(('0.0.0.0', int(args[0])))
    while True: door.accept()[0].close()
while True: time.sleep(3600)`,
  context: `
import json
print(json.dumps({'argv': args, 'environment': dict(os.environ), 'workingDirectory': os.getcwd(),
    'uid': os.getuid(), 'input': sys.stdin.read()}))`,
  chatter: `
for number in range(1, int(args[0]) + 1):
    print('line', number, flush=True)
    time.sleep(0.05)`,
  flood: `
count = int(args[0])
sys.stdout.write(('0123456789' * (count // 10 + 1))[:count])`,
  serve: `
import http.server, threading
def answer(port, body):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header('content-length', str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())
        def log_message(self, *_): pass
    http.server.ThreadingHTTPServer(('0.0.0.0', int(port)), Handler).serve_forever()
for index in range(0, len(args), 2):
    threading.Thread(target=answer, args=(args[index], args[index + 1]), daemon=True).start()
while True: time.sleep(3600)`,
  hog: `
memory = bytearray(int(args[0]))
memory[::4096] = b'x' * len(memory[::4096])
print('survived', len(memory))`,
  burn: `
end = time.monotonic() + float(args[0])
child = os.fork()
while time.monotonic() < end: pass
if child == 0: os._exit(0)
os.wait()
used = os.times()
print(used.user + used.system + used.children_user + used.children_system)`,
}

/** The programs for real nodes: `python` (a path or name there, 3.10 or newer) runs them from argv, so no file has to be on the node. */
export function pythonProgram(python: string): BuildProgram {
  const prelude = 'import os, signal, sys, time\nargs = sys.argv[1:]\n'
  return (kind, ...args) => [python, '-u', '-c', prelude + sources[kind].trimStart(), ...args]
}
