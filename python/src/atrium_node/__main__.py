"""`python3 -I -S PATH/atrium_node VERB ...`: runs from a checkout, nothing has to be installed."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Runs the program named by the first argument with the arguments after it."""
    programs = ("agent", "pam_check")
    if len(sys.argv) < 2 or sys.argv[1] not in programs:
        sys.exit(f"usage: atrium_node {{{'|'.join(programs)}}} ...")
    program = sys.argv.pop(1)
    if program == "agent":
        from atrium_node import agent

        agent.main()
    else:
        from atrium_node import pam_check

        pam_check.main()


if __name__ == "__main__":
    # Run as a folder, sys.path[0] is this folder itself: its modules must not become top-level ones.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    main()
