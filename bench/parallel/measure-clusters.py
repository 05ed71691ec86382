"""Measures Dask clusters from outside, by the unmodified dask-gateway client: `measure-clusters.py MEASURE`, one JSON object on standard output.

The gateway is the one that DASK_GATEWAY__* names. Runs as root on the machine of the gateway and of all hosts, so that it sees
every process of a cluster end.
"""

import asyncio
import json
import os
import sys
import time

from dask.distributed import Client
from dask_gateway import Gateway

QUIET_SHARE = 0.1
QUIET_WITHIN_S = 10
POLL_S = 0.01


def busy_and_whole():
    with open("/proc/stat") as file:
        ticks = [int(field) for field in file.readline().split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


async def until_quiet():
    """What an earlier start or end leaves to do is not measured."""
    end = time.perf_counter() + QUIET_WITHIN_S
    while time.perf_counter() < end:
        busy, whole = busy_and_whole()
        await asyncio.sleep(0.5)
        busy_now, whole_now = busy_and_whole()
        if busy_now - busy < QUIET_SHARE * (whole_now - whole):
            return


def identify(dask_scheduler=None, dask_worker=None):
    """The process in words that hold outside its namespace, and its Slurm job. Runs in schedulers and workers."""
    import os

    return os.readlink("/proc/self/ns/pid"), os.getpid(), os.environ.get("SLURM_JOB_ID")


def is_of(process, identities, marks):
    """Whether a process of this machine is one of those, or one that was told of a cluster: a nanny, a job's script."""
    try:
        with open(f"/proc/{process}/status") as file:
            fields = dict(line.split(":", 1) for line in file if ":" in line)
        if fields["State"].split()[0] == "Z":
            return False
        inner = int(fields["NSpid"].split()[-1])
        if (os.readlink(f"/proc/{process}/ns/pid"), inner) in identities:
            return True
        with open(f"/proc/{process}/environ", "rb") as file:
            variables = file.read()
        return any(mark in b"\0" + variables for mark in marks)
    except (OSError, KeyError):
        return False


def list_processes(identities, marks):
    own = str(os.getpid())
    return [each for each in os.listdir("/proc") if each.isdigit() and each != own and is_of(each, identities, marks)]


async def shut_down(*clusters):
    """Seconds from the wish until no process of these clusters is left."""
    seen = set().union(*[await each.identities() for each in clusters])
    identities = {(space, process) for space, process, _ in seen}
    jobs = [f"SLURM_JOB_ID={job}" for _, _, job in seen if job is not None]
    names = [f"DASK_GATEWAY_CLUSTER_NAME={each.cluster.name}" for each in clusters]
    marks = [f"\0{mark}\0".encode() for mark in [*names, *jobs]]
    present = list_processes(identities, marks)
    await until_quiet()
    started = time.perf_counter()
    await asyncio.gather(*(each.cluster.shutdown() for each in clusters))
    # To look at every process of the machine, again and again, would be more work than their end is.
    while present:
        present = [each for each in present if is_of(each, identities, marks)] or list_processes(identities, marks)
        await asyncio.sleep(POLL_S)
    elapsed = time.perf_counter() - started
    for each in clusters:
        await each.client.close()
    return elapsed


class Measured:
    """One cluster with its client."""

    def __init__(self, cluster, client):
        self.cluster = cluster
        self.client = client

    async def count(self):
        return len((await self.client.scheduler.identity(n_workers=-1))["workers"])

    async def until_workers(self, wanted):
        while await self.count() != wanted:
            await asyncio.sleep(POLL_S)

    async def identities(self):
        """Of the scheduler and of all workers."""
        scheduler = await self.client.run_on_scheduler(identify)
        workers = await self.client.run(identify)
        return {tuple(each) for each in [scheduler, *workers.values()]}


async def open_cluster(gateway):
    """A new cluster, once its scheduler has answered what `Client.scheduler_info` asks."""
    cluster = await gateway.new_cluster(shutdown_on_close=False)
    client = await Client(cluster, security=cluster.security, asynchronous=True, set_as_default=False)
    await client.scheduler.identity()
    return Measured(cluster, client)


async def timed(work):
    await until_quiet()
    started = time.perf_counter()
    result = await work()
    return time.perf_counter() - started, result


async def measure_one(gateway):
    """The second cluster of two, with two workers, and its end."""
    await shut_down(await open_cluster(gateway))
    usable, measured = await timed(lambda: open_cluster(gateway))
    await until_quiet()
    started = time.perf_counter()
    await measured.cluster.scale(2)
    await measured.until_workers(2)
    workers = time.perf_counter() - started
    gone = await shut_down(measured)
    return {"usable": usable, "workers2": workers, "gone": gone}


async def measure_workers(gateway):
    measured = await open_cluster(gateway)
    await until_quiet()
    started = time.perf_counter()
    await measured.cluster.scale(20)
    await measured.until_workers(20)
    workers = time.perf_counter() - started
    return {"workers20": workers, "gone20": await shut_down(measured)}


ADAPT_PHASES_S = (0.5, 1.5, 2.5)
"""Three times of work's arrival between two looks of adapting, of which the peer has one every three seconds."""


async def measure_adapt(gateway):
    """The mean, over the phases, of the time from the arrival of work until a worker is connected."""
    measured = await open_cluster(gateway)
    times = []
    for phase in ADAPT_PHASES_S:
        await measured.cluster.scale(0)
        await measured.until_workers(0)
        await until_quiet()
        await measured.cluster.adapt(minimum=0, maximum=1)
        await asyncio.sleep(phase)
        started = time.perf_counter()
        work = measured.client.submit(pow, 2, 10, pure=False)
        await measured.until_workers(1)
        times.append(time.perf_counter() - started)
        if await work != 1024:
            raise RuntimeError("a wrong result")
        del work
    await shut_down(measured)
    return {"adapt": sum(times) / len(times)}


CLUSTERS = 20


async def measure_many(gateway):
    await shut_down(await open_cluster(gateway))
    elapsed, clusters = await timed(lambda: asyncio.gather(*(open_cluster(gateway) for _ in range(CLUSTERS))))
    return {"many": elapsed, "manyGone": await shut_down(*clusters)}


MEASURES = {"one": measure_one, "workers": measure_workers, "adapt": measure_adapt, "many": measure_many}


async def main():
    async with Gateway(asynchronous=True) as gateway:
        print(json.dumps(await MEASURES[sys.argv[1]](gateway)))


asyncio.run(main())
