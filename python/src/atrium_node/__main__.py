"""`python3 -I -S PATH/atrium_node VERB ...`: runs from a checkout, nothing has to be installed."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Runs the program named by the first argument with the arguments after it."""
    programs = ("agent", "mpi_task", "pam_check", "pod_agent", "slurm_job", "slurm_probe", "slurm_task", "warm_door", "watch_interruption")
    if len(sys.argv) < 2 or sys.argv[1] not in programs:
        sys.exit(f"usage: atrium_node {{{'|'.join(programs)}}} ...")
    program = sys.argv.pop(1)
    # Each imports what it needs alone.
    if program == "agent":
        from atrium_node.agent import main as run
    elif program == "mpi_task":
        from atrium_node.mpi_task import main as run
    elif program == "pam_check":
        from atrium_node.pam_check import main as run
    elif program == "pod_agent":
        from atrium_node.pod_agent import main as run
    elif program == "slurm_job":
        from atrium_node.slurm_job import main as run
    elif program == "slurm_probe":
        from atrium_node.slurm_probe import main as run
    elif program == "slurm_task":
        from atrium_node.slurm_task import main as run
    elif program == "warm_door":
        from atrium_node.warm_door import main as run
    else:
        from atrium_node.watch_interruption import main as run
    run()


if __name__ == "__main__":
    # Run as a folder, sys.path[0] is this folder itself: its modules must not become top-level ones.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    main()
