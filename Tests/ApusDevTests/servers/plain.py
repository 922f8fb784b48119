"""A server: answers with TEXT. Named by its first argument, it does one thing no polite server does:
late PATH: binds once something was written to that fifo; stubborn: ignores SIGTERM; workers: leaves children in sessions of their own;
shared: binds so that another may beside it; sick: answers 503 until the file `well` exists."""
import http.server
import os
import signal
import socketserver
import subprocess
import sys

TEXT = "one"
HOW = sys.argv[1] if len(sys.argv) > 1 else ""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        sick = HOW == "sick" and not os.path.exists("well")
        body = (TEXT + " " + str(os.getpid()) + "\n").encode()
        self.send_response(503 if sick else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    allow_reuse_port = HOW == "shared"
    request_queue_size = 128

    def server_bind(self):
        if HOW == "shared":
            import socket

            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]


if HOW == "late":
    open(sys.argv[2]).read()
if HOW == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
if HOW == "workers":
    # One in a session of its own, one that lost its parent and its environment besides.
    subprocess.Popen(["sleep", "3600.25"], start_new_session=True)
    parent = os.fork()
    if parent == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve("/bin/sleep", ["sleep", "3600.25"], {})
        os._exit(0)
    # It serves once all of them are there.
    os.waitpid(parent, 0)
print("serving " + TEXT, flush=True)
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
