"""A scoring server that starts fast: `stand_in.py PORT VERSION [--hang]`.

It answers as MLflow's does at `/ping` and `/invocations`, takes `?seconds=` to be slow, ends on
SIGTERM once its requests are answered, and has a child process, as model code may.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, VERSION = int(sys.argv[1]), sys.argv[2]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if "--hang" in sys.argv:
            time.sleep(600)
        self.answer(b"\n")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        time.sleep(float(self.path.partition("seconds=")[2] or 0))
        self.answer(b'{"predictions": [0]}')

    def answer(self, body: bytes) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("X-Model-Version", VERSION)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = False
    allow_reuse_address = True


with Server(("127.0.0.1", PORT), Handler) as server:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    stop = threading.Thread(target=server.shutdown)
    signal.signal(signal.SIGTERM, lambda *_: stop.start())
    print("ready on", PORT, flush=True)
    server.serve_forever(poll_interval=0.05)
