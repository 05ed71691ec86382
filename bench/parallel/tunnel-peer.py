"""The ends of a measured connection, in Dask's own words: `serve` and `load`, one JSON line out for each thing done.

`serve CERT KEY`: a TLS listener of `distributed` that asks for a client certificate, as a scheduler's is. Takes a message that says how many
follow, or how many are wanted, and of what size.
`load CERT KEY ADDRESS MESSAGES BYTES`: `ADDRESS` is `tls://host:port` (direct) or `gateway://host:port/NAME` (by the name that the edge
routes by, as dask-gateway's own connector asks for it). For every line on standard input, `up` or `down`, moves the messages and prints the
seconds it took.
"""

import asyncio
import json
import ssl
import sys
import time

import dask_gateway.comm  # noqa: F401  (registers gateway://)
from distributed.comm import connect, listen
from distributed.protocol import to_serialize


def build_context(purpose, certificate, key):
    context = ssl.create_default_context(purpose, cafile=certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = False
    context.load_cert_chain(certificate, key)
    return context


def say(value):
    print(json.dumps(value), flush=True)


async def send(comm, messages, size):
    payload = bytearray(size)
    for _ in range(messages):
        await comm.write({"data": to_serialize(payload)})


async def receive(comm, messages, size):
    for _ in range(messages):
        message = await comm.read()
        assert len(message["data"]) == size


async def serve(certificate, key):
    context = build_context(ssl.Purpose.CLIENT_AUTH, certificate, key)

    async def handle(comm):
        try:
            while True:
                wish = await comm.read()
                if wish["op"] == "up":
                    await receive(comm, wish["messages"], wish["size"])
                    await comm.write("done")
                else:
                    await send(comm, wish["messages"], wish["size"])
        except OSError:
            pass

    listener = await listen("tls://127.0.0.1:0", handle, ssl_context=context)
    say({"address": listener.contact_address})
    await asyncio.Event().wait()


async def load(certificate, key, address, messages, size):
    context = build_context(ssl.Purpose.SERVER_AUTH, certificate, key)
    comm = await connect(address, ssl_context=context, require_encryption=True)
    say({"connected": True})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        started = time.perf_counter()
        way = line.strip()
        await comm.write({"op": way, "messages": messages, "size": size})
        if way == "up":
            await send(comm, messages, size)
            assert await comm.read() == "done"
        else:
            await receive(comm, messages, size)
        say({"seconds": time.perf_counter() - started})


mode, *arguments = sys.argv[1:]
if mode == "serve":
    asyncio.run(serve(*arguments))
else:
    *texts, messages, size = arguments
    asyncio.run(load(*texts, int(messages), int(size)))
