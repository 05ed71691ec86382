/** Run by jobs of the warm door's tests: what a program sees of itself, and how it ends. */
export const probeModule = `
import json, os, resource, signal, subprocess, sys, time

def show():
    status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
    print(json.dumps({
        "parent": open(f"/proc/{os.getppid()}/cmdline").read().replace("\\0", " "),
        "cgroups": {name: path for line in open("/proc/self/cgroup") for _, names, path in [line.strip().split(":", 2)] for name in names.split(",")},
        "ids": [os.getresuid(), os.getresgid(), sorted(os.getgroups())],
        "status": {name: status[name].strip() for name in ("NoNewPrivs", "SigBlk", "SigIgn", "CapEff", "CapPrm", "CapBnd", "Seccomp")},
        "limits": {name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")},
        "cores": sorted(os.sched_getaffinity(0)), "nice": os.nice(0), "umask": oct(os.umask(0)), "cwd": os.getcwd(),
        "arguments": sys.argv[1:], "token": os.environ.get("TOKEN"), "home": os.environ.get("HOME"), "path": os.environ.get("PATH"),
        "input": os.readlink("/proc/self/fd/0"), "isLog": os.readlink("/proc/self/fd/1").startswith("/"),
        "open": sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:-1],
        "oom": open("/proc/self/oom_score_adj").read().strip(), "memory": os.stat("/proc/self/environ").st_uid,
        "spaces": {name: os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")},
    }))

def wait():
    subprocess.Popen(["sleep", "1000"])
    def told(*_):
        print("asked to end", flush=True)
        sys.exit(0)
    signal.signal(signal.SIGTERM, told)
    print("waiting", flush=True)
    while True: signal.pause()

def main():
    mode = sys.argv[1]
    if mode == "show":
        show()
        return 7
    if mode == "eat":
        kept = []
        while True: kept.append(bytearray(os.urandom(1 << 20) * 10))
    if mode == "wait": wait()
    if mode == "die": os.kill(os.getpid(), signal.SIGUSR1)
    if mode == "attack":
        import warm_attacks
        warm_attacks.main()
    return 0
`

/** Asks the door for processes, rightly first and then wrongly in many ways; says a line for each. Arguments: its socket, a prefix. */
export const attackModule = `
import fcntl, json, os, socket, struct, sys, tempfile

SEALS = 1 | 2 | 4 | 8
PLAN = {"command": ["x"], "environment": {}, "cwd": "/", "umask": 63}

def plan(fields=PLAN, seals=SEALS, text=None):
    fd = os.memfd_create("plan", os.MFD_ALLOW_SEALING)
    os.write(fd, json.dumps(fields).encode() if text is None else text)
    if seals: fcntl.fcntl(fd, 1033, seals)
    return fd

def log(flags=os.O_WRONLY | os.O_APPEND):
    path = tempfile.mkstemp()[1]
    fd = os.open(path, flags)
    os.unlink(path)
    return fd

def ask(name, words, fds):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(20)
    try:
        sock.connect(door)
        try: socket.send_fds(sock, [words if isinstance(words, bytes) else json.dumps(words).encode()], fds)
        except BrokenPipeError: pass
        data, given, _, _ = socket.recv_fds(sock, 65536, 8)
        answer = json.loads(data) if data else None
    except OSError as error:
        answer, given = None, []
    if answer is None: print(f"{name}: closed", flush=True)
    elif "refused" in answer: print(f"{name}: refused {answer['refused']}", flush=True)
    else: print(f"{name}: a process with {len(given)} files", flush=True)
    for fd in given: os.close(fd)
    sock.close()

def main():
    global door
    door = sys.argv[-2] if len(sys.argv) > 3 or sys.argv[0] == "-c" else sys.argv[-1]
    prefix = sys.argv[-1] if sys.argv[0] == "-c" else sys.prefix
    entry = "jupyterhub.singleuser:main"
    right = {"prefix": prefix, "entry": entry}
    ask("honest", right, [log(), plan()])
    ask("another environment", {**right, "prefix": "/usr"}, [log(), plan()])
    ask("a way around", {**right, "prefix": prefix + "/../" + os.path.basename(prefix)}, [log(), plan()])
    ask("another module", {**right, "entry": "os:system"}, [log(), plan()])
    ask("no entry", {"prefix": prefix}, [log(), plan()])
    ask("entry is a list", {**right, "entry": [1]}, [log(), plan()])
    ask("prefix is a list", {**right, "prefix": ["a"]}, [log(), plan()])
    ask("no JSON", b"\\xff{", [log(), plan()])
    ask("nested JSON", b"[" * 10000, [log(), plan()])
    ask("a long request", {**right, "more": "x" * 30000}, [log(), plan()])
    ask("no files", right, [])
    ask("many files", right, [log(), plan(), plan(), plan(), plan()])
    ask("a log that is not appended to", right, [log(os.O_WRONLY), plan()])
    ask("a plan that can change", right, [log(), plan(seals=0)])
    ask("a plan that can grow", right, [log(), plan(seals=1 | 2)])
    ask("a plan that is a pipe", right, [log(), os.pipe()[0]])
    ask("a plan without command", right, [log(), plan({**PLAN, "command": []})])
    ask("a command of numbers", right, [log(), plan({**PLAN, "command": [1]})])
    ask("variables of numbers", right, [log(), plan({**PLAN, "environment": {"A": 1}})])
    ask("no plan", right, [log(), plan(text=b"")])
    ask("a long plan", right, [log(), plan(text=b" " * (2 << 20))])
`
