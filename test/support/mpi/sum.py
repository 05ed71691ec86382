"""Each rank tells the sum of all ranks' numbers, and where it is."""
import os
import socket
import sys

from mpi4py import MPI

world = MPI.COMM_WORLD
sum = world.allreduce(world.rank + 1)
task, tasks = os.environ["ATRIUM_TASK_INDEX"], os.environ["ATRIUM_TASKS"]
# In one piece: `print` writes the end of a line by itself, and others' lines may come in between.
sys.stdout.write(f"rank {world.rank} of {world.size}, task {task} of {tasks}: {sum} on {socket.gethostname()}\n")
