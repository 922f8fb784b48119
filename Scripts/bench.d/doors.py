"""The HTTP door beside a FastAPI server of the same shape: requests, and events to many."""
import asyncio
import json
import os
import re
import subprocess
import time
import urllib.request
from contextlib import ExitStack

import harness
from harness import Home, turns
from report import Row, Subject

CONNECTIONS, FOLLOWERS, TAGGED = 8, 200, b"event: tagged\n"

# The same bytes' shape, kept in memory and written out anew at each request; what is followed goes through a queue each.
PEER = '''import asyncio, hmac, json, os
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
SESSIONS, STATUS = (json.load(open(os.environ["BENCH_" + name])) for name in ("LIST", "STATUS"))
EVENT = json.load(open(os.environ["BENCH_EVENT"]))
TOKEN = os.environ["BENCH_TOKEN"]
def granted(request: Request):
    if not hmac.compare_digest(request.headers.get("authorization", ""), "Bearer " + TOKEN):
        raise HTTPException(401)
app = FastAPI(dependencies=[Depends(granted)])
queues, number = set(), 0
@app.get("/v1/sessions")
async def sessions():
    return JSONResponse(SESSIONS)
@app.get("/v1/status")
async def status():
    return JSONResponse(STATUS)
@app.patch("/v1/sessions/{name}")
async def change(name: str, change: dict):
    global number
    number += 1
    text = f"id: {number}\\nevent: tagged\\ndata: {json.dumps({**EVENT, 'id': number})}\\n\\n"
    for queue in queues:
        queue.put_nowait(text)
    return JSONResponse(SESSIONS[0])
@app.get("/v1/events")
async def events():
    queue = asyncio.Queue()
    queues.add(queue)
    async def send():
        try:
            yield "event: hello\\n\\n"
            while True:
                yield await queue.get()
        finally:
            queues.discard(queue)
    return StreamingResponse(send(), media_type="text/event-stream")
'''


class Door:
    """A server that is asked: where, with which token, and whose memory counts."""

    def __init__(self, port, token, pid):
        self.port, self.token, self.pid = port, token, pid

    def head(self, method, path, body=b""):
        more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        return (f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.token}\r\n"
                f"{more}\r\n").encode() + body

    def get(self, path):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def ours(home):
    served = home.apus("serve", "--listen", "127.0.0.1:0")[0]
    token = home.apus("token", "create", "--scope", "operate")["token"]
    return Door(int(served["address"].rpartition(":")[2]), token, home.daemon())


def peer(stack, home, door, event):
    """uvicorn with what FastAPI's own packages bring: asyncio and h11, one process, no access log. Connections are kept
    for as long as ours are, through the other's turns."""
    files = {"LIST": door.get("/v1/sessions"), "STATUS": door.get("/v1/status"), "EVENT": event}
    environment = {**home.environment, "BENCH_TOKEN": door.token}
    for name, value in files.items():
        path = home.root / f"{name}.json"
        path.write_text(json.dumps(value))
        environment["BENCH_" + name] = str(path)
    (home.root / "peer.py").write_text(PEER)
    port = harness.free_port()
    process = subprocess.Popen([harness.python(), "-m", "uvicorn", "peer:app", "--port", str(port), "--log-level", "warning",
                                "--no-access-log", "--timeout-keep-alive", "120"], cwd=home.root, env=environment, stdin=subprocess.DEVNULL)

    def end():
        process.kill()
        process.wait()

    stack.callback(end)
    found = Door(port, door.token, process.pid)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            found.get("/v1/status")
            return found
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("the peer does not answer")


class Asker(asyncio.Protocol):
    """One kept connection: says a request, hears its answer, and says it again as often as it is to."""

    def __init__(self, request, count, took):
        self.request, self.left, self.took = request, count, took
        self.done = asyncio.get_running_loop().create_future()
        self.bytes, self.missing = b"", -1

    def connection_made(self, transport):
        self.transport = transport
        self.ask()

    def ask(self):
        self.began = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data):
        if self.missing < 0:
            self.bytes += data
            end = self.bytes.find(b"\r\n\r\n")
            if end < 0:
                return
            head, data = self.bytes[:end], self.bytes[end + 4:]
            if not head.startswith(b"HTTP/1.1 200"):
                return self.fail(head)
            self.bytes, self.missing = b"", int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        self.missing -= len(data)
        if self.missing > 0:
            return
        self.missing = -1
        self.took.append((time.perf_counter() - self.began) * 1000)
        self.left -= 1
        if self.left:
            self.ask()
        else:
            self.transport.close()
            self.done.set_result(None)

    def fail(self, why):
        self.transport.close()
        if not self.done.done():
            self.done.set_exception(RuntimeError(f"answered {why[:200]!r}"))

    def connection_lost(self, error):
        if not self.done.done():
            self.fail(str(error or "the connection ended").encode())


def load(door, path, count):
    """Answers a second, and the 99th of a hundred of their times in milliseconds, over a few kept connections."""
    async def run():
        loop, took = asyncio.get_running_loop(), []
        began = time.perf_counter()
        made = [await loop.create_connection(lambda: Asker(door.head("GET", path), count // CONNECTIONS, took), "127.0.0.1", door.port)
                for _ in range(CONNECTIONS)]
        await asyncio.gather(*(asker.done for _, asker in made))
        return len(took) / (time.perf_counter() - began), sorted(took)[int(len(took) * 0.99)]
    return asyncio.run(run())


def limit(answer, count):
    """What the generator manages of a server that has one answer, whatever it is asked."""
    body = json.dumps(answer).encode()
    whole = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    port, pid = harness.free_port(), os.fork()
    if not pid:
        class Answerer(asyncio.Protocol):
            def connection_made(self, transport):
                self.transport = transport

            def data_received(self, data):
                self.transport.write(whole)

        async def serve():
            await (await asyncio.get_running_loop().create_server(Answerer, "127.0.0.1", port)).serve_forever()
        try:
            asyncio.run(serve())
        finally:
            os._exit(0)
    try:
        until = time.monotonic() + 10
        while True:
            try:
                return round(load(Door(port, "t", pid), "/", count)[0])
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
    finally:
        harness.kill(pid)
        os.waitpid(pid, 0)


def requests(scaled):
    """Requests over HTTP"""
    with Home() as home, ExitStack() as stack:
        home.apus("up")
        for number in range(50):
            home.apus("new", f"s{number}")
            if number >= 10:
                home.apus("stop", f"s{number}", "--now")
        door = ours(home)
        other = peer(stack, home, door, {})
        rows, limits = [], []
        for path, count in (("/v1/sessions", 400), ("/v1/status", 4000)):
            limits.append(limit(door.get(path), count))
            mine, theirs = turns(scaled(12), lambda: load(door, path, count), lambda: load(other, path, count))
            what = f"`GET {path}`" + (", 50 sessions" if path.endswith("sessions") else "")
            for name, unit, at in (("answers", "1/s", 0), ("99th of a hundred", "ms", 1)):
                rows.append(Row(f"{what}, {name}", unit, [one[at] for one in mine], "FastAPI, uvicorn", [one[at] for one in theirs]))
        rows.append(Row("memory (PSS) after it", "MB", [harness.pss(door.pid)], "FastAPI, uvicorn", [harness.pss(other.pid)]))
        return Subject(rows, f"{CONNECTIONS} kept connections, each asks again once it is answered; both check a token. Ours looks at"
                       " 50 sessions (10 live) and whether each can be resumed, the peer writes out the same objects from its"
                       " memory. The generator is this script, raw sockets in asyncio, the same for both: of a server that sends"
                       f" the same bytes and does nothing else it gets {limits[0]:,} lists and {limits[1]:,} statuses a second,"
                       " on the same cores.")


class Follower(asyncio.Protocol):
    """Counts the events that reach it."""

    def __init__(self, request, room):
        self.request, self.room, self.rest, self.greeted = request, room, b"", False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data):
        data = self.rest + data
        self.room.seen += data.count(TAGGED)
        # A word may be cut anywhere; what is kept is too short to be counted twice.
        self.rest = data[1 - len(TAGGED):]
        if not self.greeted and b"event: hello\n" in data:
            self.greeted = True
            self.room.greeted += 1
        if self.room.is_full():
            self.room.full.set()

    def connection_lost(self, error):
        self.room.lost += 1


class Room:
    """All who follow a server, and one who makes events there, one after the other's answer."""

    def __init__(self, door):
        self.door, self.greeted, self.seen, self.lost, self.wanted = door, 0, 0, 0, 0
        self.full, self.made = asyncio.Event(), 0

    def is_full(self):
        return self.seen >= self.wanted and self.greeted == FOLLOWERS

    async def enter(self):
        loop, request = asyncio.get_running_loop(), self.door.head("GET", "/v1/events")
        self.transports = [(await loop.create_connection(lambda: Follower(request, self), "127.0.0.1", self.door.port))[0]
                           for _ in range(FOLLOWERS)]
        await asyncio.wait_for(self.full.wait(), 20)
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.door.port)

    async def change(self):
        """One event."""
        self.made += 1
        body = json.dumps({"addTags": [f"t{self.made}"], "removeTags": [f"t{self.made - 1}"]}).encode()
        self.writer.write(self.door.head("PATCH", "/v1/sessions/s0", body))
        head = await self.reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"answered {head[:200]!r}")
        await self.reader.readexactly(int(re.search(rb"(?i)content-length: (\d+)", head)[1]))

    async def round(self, count):
        """Seconds from the first change until everybody has heard of all of them."""
        self.wanted += count * FOLLOWERS
        self.full.clear()
        began = time.perf_counter()
        for _ in range(count):
            await self.change()
        await asyncio.wait_for(self.full.wait(), 120)
        if self.lost or self.seen != self.wanted:
            raise RuntimeError(f"{self.lost} were cut off; {self.seen} events instead of {self.wanted}")
        return time.perf_counter() - began

    def leave(self):
        for transport in [*self.transports, self.writer]:
            transport.close()


def fan_out(scaled):
    """Events to two hundred"""
    count = 200
    with Home() as home, ExitStack() as stack:
        home.apus("up")
        home.apus("new", "s0")
        door = ours(home)
        event = {"id": 1, "name": "s0", "n": 1, "at": "2026-01-01T00:00:00.000Z", "session": "0000", "run": 1, "type": "tagged",
                 "detail": {"tags": ["t1"]}}
        other = peer(stack, home, door, event)

        async def run():
            rooms = [Room(door), Room(other)]
            for room in rooms:
                await room.enter()
            rates, single, busy = ([], []), ([], []), ([], [])
            for number in range(-1, scaled(12)):
                for at in (0, 1) if number % 2 else (1, 0):
                    used = time.process_time()
                    took = await rooms[at].round(count)
                    busy[at].append((time.process_time() - used) / took * 100)
                    one = [await rooms[at].round(1) for _ in range(10)]
                    if number >= 0:
                        rates[at].append(count * FOLLOWERS / took)
                        single[at].append(sorted(one)[5] * 1000)
            memory = [harness.pss(room.door.pid) for room in rooms]
            for room in rooms:
                room.leave()
            return rates, single, memory, [round(sorted(one)[len(one) // 2]) for one in busy]

        rates, single, memory, busy = asyncio.run(run())
        name = "FastAPI StreamingResponse"
        return Subject([
            Row(f"events delivered, {count} to each", "1/s", rates[0], name, rates[1]),
            Row("one change, asked until all have heard", "ms", single[0], name, single[1]),
            Row("memory (PSS) meanwhile", "MB", [memory[0]], name, [memory[1]]),
        ], f"{FOLLOWERS} clients follow `/v1/events`; a session is tagged over HTTP, {count} times, each after the last one's answer."
           " Ours keeps each event on the disk before it tells of it, and everybody can come back for it; the peer has a queue in"
           " its memory for each. All clients are raw sockets in asyncio in one process, the same for both, which was busy for"
           f" {busy[0]} % of the time of ours and {busy[1]} % of the peer's.")


ALL = {"http": requests, "events": fan_out}
