"""A notebook server as small as the protocol allows: listens where the hub says, and tells what it was given.

Its name decides how it behaves: `broken...` exits at once, `slow...` answers nobody and `stubborn...` does not end before the corpus
opens its gate (a file named USER-SERVER in the gates folder). Any other answers nobody either while the corpus holds it
(USER-SERVER.held) and its gate is closed.
"""

import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

name = os.environ["JUPYTERHUB_SERVER_NAME"]
gate = os.path.join(os.environ["COMPATIBILITY_GATES"], f"{os.environ['JUPYTERHUB_USER']}-{name}")
prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]


def wait_for_gate():
    while not os.path.exists(gate):
        time.sleep(0.02)


def end(*_):
    if name.startswith("stubborn"):
        threading.Thread(target=lambda: (wait_for_gate(), os._exit(0))).start()
    else:
        os._exit(0)


def ask_hub(method, path, body=None):
    """What the hub answers to this server's own token."""
    request = urllib.request.Request(
        f"{os.environ['JUPYTERHUB_API_URL']}/{path}",
        method=method,
        data=body,
        headers={"Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return {"status": answer.status, "body": parse_or_text(answer.read())}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "body": parse_or_text(error.read())}


def parse_or_text(content):
    text = content.decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        place = url.path.removeprefix(prefix)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if place == "environment":
            self.answer({key: value for key, value in os.environ.items() if key.startswith(("JUPYTERHUB_", "JPY_"))})
        elif place == "ask-hub":
            body = query.get("body")
            self.answer(ask_hub(query["method"], query["path"], None if body is None else body.encode()))
        else:
            self.answer({"server": prefix, "path": self.path})

    def answer(self, value):
        content = json.dumps(value, sort_keys=True).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


if name.startswith("broken"):
    print("this server is broken on purpose", file=sys.stderr)
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, end)
if name.startswith("slow") or os.path.exists(f"{gate}.held"):
    wait_for_gate()
address = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
ThreadingHTTPServer((address.hostname, address.port), Handler).serve_forever()
