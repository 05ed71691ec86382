import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const sources = fileURLToPath(new URL('../src', import.meta.url))

/** slurmstepd as far as it counts, which reads each message by one read of 1024 bytes; `rank` is what the rank does with its end, `pmi`. */
const harness = `import json, os, signal, socket, sys
sys.path.insert(0, sys.argv[1])
from atrium_node import pmi_relay
os.setpgrp()
slurm, rank = socket.socketpair()
heard_read, heard_write = os.pipe()
pid = os.fork()
if pid == 0:
    slurm.close(); os.close(heard_read)
    os.environ["PMI_FD"] = str(rank.fileno())
    rank.set_inheritable(True)
    pmi_relay.put_relay_between()
    os.write(heard_write, b"started ")
    os.execv(sys.executable, [sys.executable, "-c", "import os, signal, socket\\npmi = socket.socket(fileno=int(os.environ['PMI_FD']))\\n" + sys.argv[2]])
rank.close(); os.close(heard_write)
messages = []
while data := slurm.recv(1024):
    messages.append(data.decode("latin-1"))
    slurm.sendall({b"cmd=get_": b"cmd=maxes rc=0 kvsname_max=256 keylen_max=64 vallen_max=1024\\n"}.get(data[:8], b"cmd=put_result rc=0\\n"))
os.waitpid(pid, 0)
assert os.read(heard_read, 100) == b"started "
assert os.read(heard_read, 100) == b""
print(json.dumps(messages))`

function listenTo(rank: string): string[] {
  const { stdout, stderr } = spawnSync('python3', ['-I', '-S', '-c', harness, sources, rank], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.equal(stderr, '')
  return JSON.parse(stdout)
}

describe('the relay between a rank and slurmstepd', () => {
  test('has the longest values that a rank may send fit into what slurmstepd reads at once', () => {
    const [maxes, put, ...more] = listenTo(`
pmi.sendall(b"cmd=get_maxes\\n")
longest = int(pmi.recv(2048).split(b"vallen_max=")[1])
pmi.sendall(b"cmd=put kvsname=4294967295.4294967295 key=" + b"k" * 64 + b" value=" + b"v" * longest + b"\\n")
assert pmi.recv(2048) == b"cmd=put_result rc=0\\n"`)
    assert.equal(maxes, 'cmd=get_maxes\n')
    assert.match(put ?? '', /^cmd=put kvsname=[\d.]+ key=k{64} value=v{700,}\n$/)
    assert.deepEqual(more, [])
  })

  test('passes on what else there is, as it is', () => {
    assert.deepEqual(listenTo('pmi.sendall(bytes(range(256)))\npmi.recv(100)'), [
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1'),
    ])
  })

  test('is not ended by a signal that is meant for ranks, and is no child of theirs', () => {
    const messages = listenTo(`
pmi.sendall(b"before")
pmi.recv(100)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for name in os.listdir("/proc"):
    try:
        if os.getpgid(int(name)) == os.getpgrp() and int(name) not in (os.getpid(), os.getppid()): os.kill(int(name), signal.SIGTERM)
    except (ValueError, OSError): pass
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    pmi.sendall(b"after")
    pmi.recv(100)`)
    assert.deepEqual(messages, ['before', 'after'])
  })
})
