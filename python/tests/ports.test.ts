import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const sources = fileURLToPath(new URL('../src', import.meta.url))

/** Opens sockets of every kind, does `prepare`, and prints who listens on which of them. */
function listOwners(prepare = ''): Record<string, number | null> {
  const script = `import json, socket, sys
sys.path.insert(0, sys.argv[1])
from atrium_node import ports
kinds = {"four": (socket.AF_INET, "127.0.0.1"), "all": (socket.AF_INET, "0.0.0.0"), "six": (socket.AF_INET6, "::1"),
         "both": (socket.AF_INET6, "::"), "bound": (socket.AF_INET, "127.0.0.1")}
opened = {}
for name, (family, address) in kinds.items():
    opened[name] = socket.socket(family, socket.SOCK_STREAM)
    opened[name].bind((address, 0))
    if name != "bound": opened[name].listen()
connected = socket.create_connection(opened["four"].getsockname())
${prepare}
owners = ports.listening_owners()
found = {name: owners.get(each.getsockname()[1]) for name, each in opened.items()}
print(json.dumps(found | {"connected": owners.get(connected.getsockname()[1])}))`
  return JSON.parse(execFileSync('python3', ['-I', '-S', '-c', script, sources], { encoding: 'utf8' }))
}

const own = process.getuid?.() ?? 0
const listening = { four: own, all: own, six: own, both: own }
const silent = { bound: null, connected: null }

test('who listens on a port is known, and who only has it or is connected does not count', () => {
  assert.deepEqual(listOwners(), { ...listening, ...silent })
})

test('the same where the kernel lists no sockets', () => {
  const refuse = `def refuse(*_): raise OSError(93, "Protocol not supported")
ports.list_listeners = refuse`
  assert.deepEqual(listOwners(refuse), { ...listening, ...silent })
})

/** Which of a pod's sockets count, asked with `refuse` done before. */
function listReached(refuse = ''): string[] {
  const script = `import json, os, socket, sys
sys.path.insert(0, sys.argv[1])
from atrium_node import pod_state
opened = {}
for family, addresses in {socket.AF_INET: ["127.0.0.1", "127.0.0.2", "0.0.0.0"], socket.AF_INET6: ["::1", "::"]}.items():
    for address in addresses:
        opened[address] = socket.create_server((address, 0), family=family)
${refuse}
found = pod_state.find_listening([each.getsockname()[1] for each in opened.values()], os.getuid())
print(json.dumps([address for address, each in opened.items() if each.getsockname()[1] in found]))`
  return JSON.parse(execFileSync('python3', ['-I', '-S', '-c', script, sources], { encoding: 'utf8' }))
}

test('of a pod what its loopback addresses alone reach does not count', () => {
  assert.deepEqual(listReached(), ['0.0.0.0', '::'])
})

test('the same where the kernel of its node lists no sockets', () => {
  const refuse = `def refuse(*_, **__): raise OSError(93, "Protocol not supported")
pod_state.list_listeners = refuse`
  assert.deepEqual(listReached(refuse), ['0.0.0.0', '::'])
})

test('of several pools on a machine each gives ports that no other has given, until they are given back or their process has ended', () => {
  const script = `import json, socket, sys
sys.path.insert(0, sys.argv[1])
from atrium_node.ports import PortPool
with socket.create_server(("127.0.0.1", 0)) as free: number = free.getsockname()[1]
def take(pool):
    try: return pool.take() == number
    except OSError: return "none is free"
def make(): return PortPool("0.0.0.0", (number, number), shared=True)
first, second = make(), make()
found = [take(first), take(second)]
first.give_back(number)
found += [take(second), take(first)]
del second
print(json.dumps([*found, take(first)]))`
  const printed = execFileSync('python3', ['-I', '-S', '-c', script, sources], { encoding: 'utf8' })
  assert.deepEqual(JSON.parse(printed), [true, 'none is free', true, 'none is free', true])
})
