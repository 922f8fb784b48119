"""Locks beside flock, Redis, etcd and PostgreSQL; what a hook costs."""
import importlib.machinery
import importlib.util
import json
import os
import random
import statistics
import struct
import subprocess
import time
from contextlib import ExitStack

import harness
import lock_peers
from harness import APUS, CHECKOUT, Home, turns
from report import Budget, Row, Subject

median = statistics.median


def client_module():
    """The tests' own client of the daemon's socket."""
    loader = importlib.machinery.SourceFileLoader("lock_client", str(CHECKOUT / "Tests/Stub/lock-client"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lock_client", loader))
    loader.exec_module(module)
    return module


class Ours:
    """One kept connection to the daemon; as `apus lock run` speaks."""

    def __init__(self, home, name="lock"):
        self.client = client_module().Client(f"{home.root}/apus/apusd.sock")
        self.name = name

    def acquire(self, wait=None):
        self.token = self.client.acquire([self.name], wait, 300)[self.name]

    def release(self):
        self.client.release(self.name, self.token)


def pairs_of(lock, count):
    """Milliseconds of each acquire with its release."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        lock.acquire()
        lock.release()
        took.append((time.perf_counter() - began) * 1000)
    return took


def peers(stack, home):
    """Name and lock of each."""
    lock_peers.install()
    redis, etcd, postgres = (stack.enter_context(one()) for one in
                             (lock_peers.Redis, lock_peers.Etcd, lock_peers.Postgres))
    return {
        "`flock`, in process": lock_peers.Flock(home.root / "flock"), "Redis, SET NX and script": redis.client(),
        "PostgreSQL, advisory": postgres.client(), "PostgreSQL, lease rows": lock_peers.PostgresRows(postgres.client()),
        "etcd, lease and revision": etcd.client(),
    }, redis, postgres


def acquire(scaled):
    """Acquire and release a lock"""
    count = 400
    with Home() as home, ExitStack() as stack:
        home.apus("up")
        others, _, _ = peers(stack, home)
        ours = Ours(home)
        names = list(others)
        found = turns(scaled(20), *(lambda lock=lock: pairs_of(lock, count) for lock in (ours, *others.values())))
        rows = []
        for at, name in enumerate(names, 1):
            budget = Budget(0.1, "", text="≥ 10,000/s on one core") if at == 1 else None
            rows.append(Row("acquire + release, median of a batch", "ms", [median(one) for one in found[0]], name,
                            [median(one) for one in found[at]], budget))
        every = sorted(took for batch in found[0] for took in batch)
        rows.append(Row("the same, 99th of a hundred", "ms", [every[int(len(every) * 0.99)]],
                        budget=Budget(1, "", text="p99 ≤ 1 ms")))
        return Subject(rows, "One client, one kept connection, nobody else; batches of 400 in turns. The client is Python for all: "
                       "its own share (JSON, sockets) is in each. Only etcd and the lease rows give a token that grows as ours does; "
                       "they write to the disk at each change, ours at each only where a crash of the program could lose it.")


class Waiter:
    """A process that has the lock whenever it is told to, and says when it had it: on one clock for all processes."""

    def __init__(self, make):
        (orders, self.orders), (self.told, told) = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(orders)
            os.close(told)
            return
        os.close(self.orders)
        try:
            lock = make()
            os.write(told, b"r")
            while os.read(orders, 1):
                lock.acquire(60) if isinstance(lock, Ours) else lock.acquire()
                had = time.perf_counter()
                lock.release()
                os.write(told, struct.pack("d", had))
        finally:
            os._exit(0)

    def __enter__(self):
        os.read(self.told, 1)
        return self

    def __exit__(self, *_):
        os.close(self.orders)
        os.waitpid(self.pid, 0)
        os.close(self.told)

    def handed(self, holder):
        """From the holder's release until the waiter has it, in milliseconds."""
        holder.acquire()
        os.write(self.orders, b"w")
        time.sleep(0.02)  # it stands in the queue by then
        released = time.perf_counter()
        holder.release()
        return (struct.unpack("d", os.read(self.told, 8))[0] - released) * 1000


def hand_over(scaled):
    """A waiter is woken"""
    with Home() as home, ExitStack() as stack:
        home.apus("up")
        _, redis, postgres = peers(stack, home)
        makers = {
            "": lambda: Ours(home), "`flock`": lambda: lock_peers.Flock(home.root / "f"),
            "PostgreSQL, advisory": postgres.client, "Redis, BLPOP": lambda: RedisList(redis.client()),
        }
        waiters = {name: stack.enter_context(Waiter(make)) for name, make in makers.items()}
        holders = {name: make() for name, make in makers.items()}
        holders["Redis, BLPOP"].client.call("RPUSH", "list", "x")
        found = turns(scaled(60), *(lambda name=name: waiters[name].handed(holders[name]) for name in makers))
        rows = [Row("from the release until the waiter has it", "ms", found[0], name, found[at],
                    Budget(1, "", text="≤ 1 ms median") if at == 1 else None)
                for at, name in enumerate(makers) if at]
        ours, theirs = queue_simulated()
        rows.append(Row("8 waiters, simulated: how long one waits, 99th of a hundred", "s", [ours],
                        "the seed's poll every 30 s", [theirs]))
        return Subject(rows, "Two processes, each with a connection; Redis has no lock that waits, a list with one "
                       "element is used as one. The last row is computed: holds of 15 to 25 s, who polls takes it when it next looks.")


class RedisList:
    def __init__(self, client):
        self.client = client

    def acquire(self):
        self.client.call("BLPOP", "list", 0)

    def release(self):
        self.client.call("RPUSH", "list", "x")


def queue_simulated():
    """The 99th of a hundred of the waits of eight who want a lock again and again, in order and by polling."""
    rng = random.Random(1)
    holds = [rng.uniform(15, 25) for _ in range(4000)]
    in_order, arrivals, free = [], [(0.0, who) for who in range(8)], 0.0
    for hold in holds:
        asked, who = min(arrivals)
        arrivals.remove((asked, who))
        begun = max(asked, free)
        in_order.append(begun - asked)
        free = begun + hold
        arrivals.append((free, who))
    polled, looks, free = [], {who: (rng.uniform(0, 30), 0.0) for who in range(8)}, 0.0
    for hold in holds:
        while True:
            who = min(looks, key=lambda one: looks[one][0])
            at, asked = looks[who]
            if at >= free:
                break
            looks[who] = (at + 30, asked)
        polled.append(at - asked)
        free = at + hold
        looks[who] = (free + rng.uniform(0, 30), free)
    return [sorted(waits)[int(len(waits) * 0.99)] for waits in (in_order, polled)]


def guard(scaled):
    """What a guard costs"""
    with Home() as home:
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main", home.work], env=home.environment, check=True)
        (home.work / ".apus").mkdir()
        (home.work / ".apus/config.json").write_text('{"guards": {"docker compose *": "docker"}}')
        made = home.apus("new", "one", "--here")
        run = f"{home.root}/apus/runs/{made['id']}/{made['run']}"
        environment = {**home.environment, "APUS_RUN": run}

        def call(tool, **given):
            report = json.dumps({"session_id": made["conversationID"], "hook_event_name": "PreToolUse", "tool_name": tool,
                                 "tool_input": given, "tool_use_id": "t", "cwd": str(home.work)})

            def once():
                began = time.perf_counter()
                done = subprocess.run([APUS, "hook"], input=report, text=True, env=environment, capture_output=True)
                took = (time.perf_counter() - began) * 1000
                if done.returncode:
                    raise RuntimeError(done.stderr)
                return took
            return once

        calls = {"a tool that only reads": call("Read", file_path="x"), "Bash, nothing guarded": call("Bash", command="make test"),
                 "Bash, a guard's lock taken again": call("Bash", command="docker compose up"),
                 "an edit": call("Edit", file_path=str(home.work / "a.txt"), old_string="a", new_string="b")}
        floor = lambda: home.time("/bin/true")
        found = turns(scaled(80), *calls.values(), floor)
        rows = [Row(what, "ms", found[at], "`/bin/true`", found[-1], Budget(5, "", text="≤ 5 ms median"))
                for at, what in enumerate(calls)]
        return Subject(rows, "Whole process `apus hook`, from its start until the agent may go on, daemon running.")


ALL = {"lock": acquire, "wake": hand_over, "guard": guard}
