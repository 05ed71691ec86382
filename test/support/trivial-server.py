#!/usr/bin/env -S python3 -IS
"""The smallest server a hub accepts: answers every request with 200. Standard library alone, so that the hub is measured, not this."""

import os
import socket
from urllib.parse import urlparse

url = urlparse(os.environ["JUPYTERHUB_SERVICE_URL"])
listener = socket.create_server((url.hostname, url.port), backlog=64)
print("listening", flush=True)
while True:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
