"""A groupby over a million rows by Bodo on all ranks, compared with pandas on the first."""
import sys

import bodo
import numpy as np
import pandas as pd

ROWS = 1_000_000


def add_up(rows):
    frame = pd.DataFrame({"key": np.arange(rows) * 7919 % 1000, "value": (np.arange(rows) % 977) / 3.0})
    return frame.groupby("key", as_index=False).agg({"value": "sum"}).sort_values("key")


part = bodo.jit(add_up)(ROWS)
whole = bodo.gatherv(part)
if bodo.get_rank() == 0:
    pd.testing.assert_frame_equal(whole.reset_index(drop=True), add_up(ROWS).reset_index(drop=True), check_dtype=False)
    sys.stdout.write(f"equal to pandas: {len(whole)} groups over {bodo.get_size()} ranks, fewer here: {len(part) < len(whole)}\n")
