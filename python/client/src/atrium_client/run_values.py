"""What people write for a run's sizes, lengths of time and arrays, as the platform takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_UNIT_BYTES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_size(value: int | str) -> int:
    """Bytes: `4G`, `512M`, `1.5GiB`, or the number itself. ValueError for other text."""
    if isinstance(value, int):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", value.strip(), re.IGNORECASE)
    if match is None or float(match[1]) == 0:
        raise ValueError(f"{value!r} is no size: 512M, 4G")
    return round(float(match[1]) * _UNIT_BYTES[match[2].upper()])


def parse_length(value: Any) -> int:
    """Milliseconds: seconds as a number, a timedelta, `90s`, `1h30m`, or as Slurm writes it, `[days-]hours:minutes[:seconds]`."""
    if isinstance(value, (int, float)):
        return round(value * 1000)
    if hasattr(value, "total_seconds"):
        return round(value.total_seconds() * 1000)
    parts = re.findall(r"(\d+)([smhd])", str(value))
    if parts and "".join(amount + unit for amount, unit in parts) == value:
        return sum(int(amount) * _UNIT_SECONDS[unit] for amount, unit in parts) * 1000
    match = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d{1,2})(?::(\d{1,2}))?", str(value))
    if match is None:
        raise ValueError(f"{value!r} is no length of time: 90s, 30m, 2h, 1d, 2:00:00")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000


def build_array(value: str | int | Iterable[int]) -> str:
    """Slurm's way to write an array: `1-100`; a range or numbers are put into it."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, range) and len(value) > 1 and value.step > 0:
        return f"{value[0]}-{value[-1]}" + (f":{value.step}" if value.step > 1 else "")
    return ",".join(str(number) for number in value)
