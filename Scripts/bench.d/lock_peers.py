"""What else gives out locks, each on loopback and with data of its own that goes with it: flock, Redis, etcd, PostgreSQL."""
import base64
import fcntl
import http.client
import json
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from harness import debian, free_port

PACKAGES = {"redis-server": "redis-server", "etcd": "etcd-server", "postgres": "postgresql"}
POSTGRES = "/usr/lib/postgresql/15/bin"


def install():
    """Debian's packages of those that are missing."""
    debian({program: package for program, package in PACKAGES.items() if not Path(POSTGRES, program).exists()})


class Server:
    """A process, and the directory it has to itself."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="apus-bench-peer-"))
        self.port = free_port()
        self.process = None

    def start(self, command, **more):
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
        until = time.monotonic() + 20
        while True:
            try:
                return self.check()
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise RuntimeError(f"{command[0]} does not answer")
                time.sleep(0.05)

    def check(self):
        socket.create_connection(("127.0.0.1", self.port)).close()

    def __exit__(self, *_):
        if self.process:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Flock:
    """The kernel's own, of a file: no token, no queue, no lease."""

    def __init__(self, path):
        self.file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def acquire(self):
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def release(self):
        fcntl.flock(self.file, fcntl.LOCK_UN)


class Redis(Server):
    """SET NX PX and a script that deletes only one's own: a lease without a token that grows."""
    SCRIPT = "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) else return 0 end"

    def __enter__(self):
        self.start(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory),
                    "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"])
        return self

    def client(self):
        return RedisClient(self.port)


class RedisClient:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def call(self, *words):
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%s\r\n" % (len(word), word) for word in (str(word).encode() for word in words)))
        return self.reply()

    def reply(self):
        line = self.reader.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.reader.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        return rest

    def acquire(self):
        if self.call("SET", "lock", "me", "NX", "PX", 300000) != b"OK":
            raise RuntimeError("held")

    def release(self):
        self.call("EVAL", Redis.SCRIPT, 1, "lock", "me")


class Etcd(Server):
    """A key bound to a lease, made in a transaction; its revision is the token. Each change is on the disk."""

    def __enter__(self):
        peer = free_port()
        self.start(["etcd", "--data-dir", str(self.directory / "data"), "--listen-client-urls",
                    f"http://127.0.0.1:{self.port}", "--advertise-client-urls", f"http://127.0.0.1:{self.port}",
                    "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls",
                    f"http://127.0.0.1:{peer}", "--initial-cluster", f"default=http://127.0.0.1:{peer}"])
        return self

    def check(self):
        super().check()
        try:
            EtcdClient(self.port)
        except (http.client.HTTPException, KeyError, ValueError):
            raise OSError

    def client(self):
        return EtcdClient(self.port)


class EtcdClient:
    KEY = base64.b64encode(b"lock").decode()

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.lease = self.call("/v3/lease/grant", {"TTL": 300})["ID"]

    def call(self, path, body):
        self.connection.request("POST", path, json.dumps(body))
        return json.loads(self.connection.getresponse().read())

    def acquire(self):
        done = self.call("/v3/kv/txn", {
            "compare": [{"key": self.KEY, "target": "CREATE", "create_revision": 0}],
            "success": [{"request_put": {"key": self.KEY, "value": self.KEY, "lease": self.lease}}]})
        if not done.get("succeeded"):
            raise RuntimeError("held")

    def release(self):
        self.call("/v3/kv/deleterange", {"key": self.KEY})


class Postgres(Server):
    """Advisory locks (no token), and a row with holder, token and expiry."""

    def __enter__(self):
        user = "postgres" if any(one.pw_name == "postgres" for one in pwd.getpwall()) else "nobody"
        shutil.chown(self.directory, user)
        data = str(self.directory / "data")
        self.user = user
        run = {"user": user, "cwd": "/", "env": {"PATH": POSTGRES + ":/usr/bin:/bin", "LC_ALL": "C.UTF-8"}}
        subprocess.run([POSTGRES + "/initdb", "-D", data, "-A", "trust", "-U", "bench"], check=True,
                       capture_output=True, **run)
        self.start([POSTGRES + "/postgres", "-D", data, "-h", "127.0.0.1", "-p", str(self.port), "-k",
                    str(self.directory)], **run)
        return self

    def check(self):
        try:
            PostgresClient(self.port).query("SELECT 1")
        except (RuntimeError, struct.error):
            raise OSError

    def client(self):
        return PostgresClient(self.port)


class PostgresClient:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")
        body = struct.pack("!I", 196608) + b"user\0bench\0database\0postgres\0\0"
        self.socket.sendall(struct.pack("!I", len(body) + 4) + body)
        self.ready()

    def ready(self):
        """Reads to the end of an answer; the first value of its last row."""
        value = None
        while True:
            kind, length = struct.unpack("!cI", self.reader.read(5))
            body = self.reader.read(length - 4)
            if kind == b"E":
                raise RuntimeError(body.decode(errors="replace"))
            if kind == b"D":
                size = struct.unpack("!i", body[2:6])[0]
                value = body[6:6 + size] if size >= 0 else None
            if kind == b"Z":
                return value

    def query(self, text):
        self.send(text)
        return self.ready()

    def send(self, text):
        body = text.encode() + b"\0"
        self.socket.sendall(b"Q" + struct.pack("!I", len(body) + 4) + body)

    def acquire(self):
        self.query("SELECT pg_advisory_lock(1)")

    def release(self):
        self.query("SELECT pg_advisory_unlock(1)")


class PostgresRows:
    """The same server, with what an advisory lock lacks: a lease and a token that only grows."""

    def __init__(self, client):
        self.client = client
        client.query("CREATE TABLE IF NOT EXISTS leases (name text PRIMARY KEY, holder text, token bigint NOT NULL, "
                     "expires timestamptz)")
        client.query("INSERT INTO leases VALUES ('lock', NULL, 0, NULL) ON CONFLICT DO NOTHING")

    def acquire(self):
        self.token = self.client.query(
            "UPDATE leases SET holder = 'me', token = token + 1, expires = now() + interval '300 s' WHERE name = 'lock' "
            "AND (holder IS NULL OR expires < now()) RETURNING token")
        if self.token is None:
            raise RuntimeError("held")

    def release(self):
        self.client.query(f"UPDATE leases SET holder = NULL WHERE name = 'lock' AND token = {int(self.token)}")
