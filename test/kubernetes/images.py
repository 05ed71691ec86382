"""Images for the test cluster, made of what this machine has: no registry is asked. Arguments: target folder, pause program.

Writes pause.tar, shell.tar (busybox) and python.tar (the system's Python) as OCI archives for `ctr images import`.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import subprocess
import sys
import tarfile

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_ACCOUNTS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
# What wheels may take for granted, by the manylinux policy (PEP 599), as far as the interpreter does not need it itself.
_EXPECTED = ("libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libm.so.6", "libresolv.so.2", "libstdc++.so.6", "libgcc_s.so.1")
_LEFT_OUT = {"__pycache__", "test", "tests", "dist-packages", "idlelib", "tkinter", "lib2to3", "ensurepip"}


class Layer:
    """A file system of one layer, built in memory of paths."""

    def __init__(self, path: str) -> None:
        self._tar = tarfile.open(path, "w", format=tarfile.GNU_FORMAT)
        self._seen: set[str] = set()

    def folder(self, path: str, mode: int = 0o755) -> None:
        path = path.strip("/")
        if not path or path in self._seen:
            return
        self.folder(os.path.dirname(path))
        self._seen.add(path)
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self._tar.addfile(entry)

    def text(self, path: str, content: str) -> None:
        entry = self._entry(path)
        if entry is not None:
            data = content.encode()
            entry.size, entry.mode = len(data), 0o644
            self._tar.addfile(entry, io.BytesIO(data))

    def link(self, path: str, target: str) -> None:
        entry = self._entry(path)
        if entry is not None:
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            self._tar.addfile(entry)

    def file(self, path: str, source: str) -> None:
        entry = self._entry(path)
        if entry is not None:
            status = os.stat(source)
            entry.size, entry.mode = status.st_size, status.st_mode & 0o777
            with open(source, "rb") as file:
                self._tar.addfile(entry, file)

    def _entry(self, path: str) -> tarfile.TarInfo | None:
        path = path.lstrip("/")
        if path in self._seen:
            return None
        self.folder(os.path.dirname(path))
        self._seen.add(path)
        return tarfile.TarInfo(path)

    def close(self) -> None:
        self._tar.close()


def write_image(name: str, layer_path: str, target: str, config: dict[str, object]) -> None:
    """One OCI archive (image layout 1.0.0)."""
    with open(layer_path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    blobs: dict[str, bytes] = {}

    def blob(content: object, media: str) -> dict[str, object]:
        data = json.dumps(content).encode()
        hexadecimal = hashlib.sha256(data).hexdigest()
        blobs[hexadecimal] = data
        return {"mediaType": f"application/vnd.oci.image.{media}+json", "digest": f"sha256:{hexadecimal}", "size": len(data)}

    about = {"architecture": _ARCHITECTURES[platform.machine()], "os": "linux"}
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    described = blob({**about, "config": config, "rootfs": rootfs}, "config.v1")
    layer = {
        "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": f"sha256:{digest}", "size": os.path.getsize(layer_path),
    }  # fmt: skip
    manifest = blob({"schemaVersion": 2, "config": described, "layers": [layer]}, "manifest.v1")
    manifest |= {"annotations": {"io.containerd.image.name": name}, "platform": about}
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:

        def add(path: str, data: bytes) -> None:
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))

        add("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        add("index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode())
        for hexadecimal, data in blobs.items():
            add(f"blobs/sha256/{hexadecimal}", data)
        archive.add(layer_path, f"blobs/sha256/{digest}")
    os.remove(layer_path)


def add_base(layer: Layer) -> None:
    layer.folder("tmp", 0o1777)
    layer.text("etc/passwd", _ACCOUNTS)
    layer.text("etc/group", "root:x:0:\nnogroup:x:65534:\n")
    layer.folder("root", 0o700)
    for folder in ("home", "proc", "sys", "dev", "run"):
        layer.folder(folder)
    busybox = "/bin/busybox"
    layer.file(busybox, busybox)
    for name in subprocess.check_output([busybox, "--list-full"], text=True).split():
        layer.link(name, busybox)


def add_python(layer: Layer) -> None:
    """The interpreter at /usr/bin/python3, its library, and the shared libraries that both need."""
    program = os.path.realpath("/usr/bin/python3")
    layer.file(program, program)
    layer.link("/usr/bin/python3", os.path.basename(program))
    libraries = list_libraries(program)
    library = f"/usr/lib/{os.path.basename(program)}"
    for folder, folders, files in os.walk(library):
        folders[:] = [name for name in folders if name not in _LEFT_OUT and not name.startswith("config-")]
        for path in (os.path.join(folder, name) for name in files):
            if os.path.exists(path):
                layer.file(path, os.path.realpath(path))
                if path.endswith(".so"):
                    libraries |= list_libraries(path)
    folder = os.path.dirname(next(path for path in libraries if "/libc.so.6" in path))
    libraries |= {path for path in (os.path.join(folder, name) for name in _EXPECTED) if os.path.exists(path)}
    for path in sorted(libraries):
        layer.file(path, os.path.realpath(path))


def list_libraries(path: str) -> set[str]:
    told = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    return set(re.findall(r"(/\S+) \(0x", told))


def main() -> None:
    folder, pause = sys.argv[1:]
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    made = {
        "pause": ((lambda layer: layer.file("/pause", pause)), {"Entrypoint": ["/pause"]}),
        "shell": (add_base, {"Cmd": ["sh"], "Env": [path]}),
        "python": ((lambda layer: (add_base(layer), add_python(layer))), {"Cmd": ["python3"], "Env": [path, "LANG=C.UTF-8"]}),
    }
    for name, (fill, config) in made.items():
        layer_path = os.path.join(folder, f"{name}.layer")
        layer = Layer(layer_path)
        fill(layer)
        layer.close()
        write_image(f"local.test/{name}:1", layer_path, os.path.join(folder, f"{name}.tar"), {"WorkingDir": "/", **config})


main()
