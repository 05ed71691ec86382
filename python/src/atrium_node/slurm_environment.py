"""What a Slurm job's program gets of the variables around it: what Slurm and MPI say, and nothing of whoever submitted it."""

from __future__ import annotations

import os

# What of the node was given to the job, and how its tasks find each other.
_DEVICES = ("CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
_PREFIXES = ("SLURM_", "PMI", "OMPI_")
# Set by Slurm for sbatch's own choices: they would change what steps of the job get.
_OF_SUBMISSION = ("SLURM_EXPORT_ENV", "SLURM_GET_USER_ENV")


def allocation_variables() -> dict[str, str]:
    """Facts of this job and node."""
    return {name: value for name, value in os.environ.items() if _is_fact(name)}


def build_environment(given: dict[str, str]) -> dict[str, str]:
    """`given` and the facts, which it cannot contradict. The node's TMPDIR is for those that bring none."""
    folder = os.environ.get("TMPDIR")
    return ({} if folder is None else {"TMPDIR": folder}) | given | allocation_variables()


def _is_fact(name: str) -> bool:
    return name in _DEVICES or (name.startswith(_PREFIXES) and name not in _OF_SUBMISSION)
