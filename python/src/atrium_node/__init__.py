"""Atrium's part on a node. Standard library only; README.md describes the protocol."""

VERSION = "0.1.0"
"""Of this package. An agent of another version is replaced; its jobs go on."""

PROTOCOL = 1
"""Of the socket. Raised when a client of the old protocol could misunderstand an answer."""
