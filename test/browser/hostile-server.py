"""A user's server that means no good: every page asks for as much of its origin as headers can. Standard library alone."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlparse


class Hostile(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        is_script = self.path.endswith(".js")
        body = b"" if is_script else b"<!doctype html><title>hostile</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Service-Worker-Allowed", "/")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


port = urlparse(os.environ["JUPYTERHUB_SERVICE_URL"]).port
ThreadingHTTPServer(("127.0.0.1", port), Hostile).serve_forever()
