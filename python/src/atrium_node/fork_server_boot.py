"""How a fork server is started; apart from it because the agent imports this and not the server."""

SOCKET_FD = 3
"""Where the fork server finds its socket."""

BOOT = (
    # The first entry is the working directory, which cold programs do not have; ours is for our own modules alone.
    "import sys; sys.path[0] = sys.argv[1]; from atrium_node.fork_server import main; main(*sys.argv[2:])"
)
"""Arguments: the folder of our package, the preload set, our version."""
