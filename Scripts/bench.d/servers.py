"""Development servers beside uvicorn's own reloaders and entr: how soon, how often, at what cost."""
import os
import signal
import statistics
import subprocess
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import harness
from harness import APUS, CHECKOUT, Home, turns
from report import Budget, Row, Subject

FILES = 50_000
APP = '''import contextlib, os, signal, threading, time
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
TEXT = "v0"
def note(word):
    with open(os.environ["BENCH_LOG"], "a") as log:
        log.write(f"{word} {time.monotonic_ns()}\\n")
@contextlib.asynccontextmanager
async def lifespan(app):
    # Python writes a signal's number there as soon as it comes, whatever uvicorn makes of it and when.
    told, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    def listen():
        while number := os.read(told, 1):
            if number[0] in (signal.SIGTERM, signal.SIGINT):
                note("told")
    threading.Thread(target=listen, daemon=True).start()
    note("up-" + TEXT)
    yield
app = Starlette(routes=[Route("/", lambda request: PlainTextResponse(TEXT))], lifespan=lifespan)
'''


class Served:
    """The same app under one reloader, in a directory of its own."""

    def __init__(self, home, name, command, directory=None):
        self.directory = directory or home.root / name
        self.directory.mkdir(exist_ok=True)
        self.app = self.directory / f"app_{name}.py"
        self.app.write_text(APP)
        self.log = home.root / f"{name}.log"
        self.log.write_text("")
        self.port, self.count = harness.free_port(), 0
        environment = {**home.environment, "BENCH_LOG": str(self.log)}
        self.errors = open(home.root / f"{name}.err", "wb")
        # A session of its own: it ends as a whole.
        self.process = subprocess.Popen(command(self), cwd=self.directory, env=environment, stdin=subprocess.DEVNULL,
                                        stdout=self.errors, stderr=self.errors, start_new_session=True)
        self.await_word("up-v0")

    def serve(self, *more):
        return [harness.python(), "-m", "uvicorn", f"{self.app.stem}:app", "--port", str(self.port), "--log-level", "warning", *more]

    def words(self):
        return [(word, int(at)) for word, _, at in (line.partition(" ") for line in self.log.read_text().splitlines()) if at]

    def await_word(self, wanted, seconds=30):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for word, at in self.words():
                if word == wanted:
                    return at
            time.sleep(0.002)
        raise RuntimeError(f"{self.app.stem} never said {wanted}: {Path(self.errors.name).read_text()[-2000:]}")

    def write(self):
        self.count += 1
        self.app.write_text(APP.replace('"v0"', f'"v{self.count}"'))
        return time.monotonic_ns()

    def change(self):
        """Milliseconds from a change until the old server was told to end, and until the new text is served."""
        time.sleep(0.7)  # whatever gathers changes has gathered
        before = len([word for word, _ in self.words() if word == "told"])
        began = self.write()
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
                    if answer.read().decode() == f"v{self.count}":
                        break
            except OSError:
                pass
            time.sleep(0.002)
        else:
            raise RuntimeError(f"{self.app.stem} never served v{self.count}")
        served = time.monotonic_ns()
        told = [at for word, at in self.words() if word == "told"][before]
        return (told - began) / 1e6, (served - began) / 1e6

    def reloads(self):
        return len([word for word, _ in self.words() if word.startswith("up-")]) - 1

    def end(self):
        self.process.send_signal(signal.SIGINT if self.process.args[0] == APUS else signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            pass
        # What its reloader left of it.
        for pid in [pid for pid in harness.processes() if f"BENCH_LOG={self.log}".encode() in harness.environment_of(pid)]:
            harness.kill(pid)
        self.errors.close()


def all_of(stack, home, directory=None):
    """Ours and the peers', each serving."""
    harness.debian({"entr": "entr"})
    without = "import sys; sys.modules['watchfiles'] = None; from uvicorn import main; main()"
    commands = {
        "ours": lambda one: [APUS, "dev", "--name", one.app.stem, "--port", str(one.port), "--", *one.serve()],
        "watchfiles": lambda one: one.serve("--reload"),
        "polling": lambda one: [harness.python(), "-c", without, *one.serve("--reload")[3:]],
        "entr": lambda one: ["/bin/sh", "-c", 'find . -name "*.py" | entr -rn "$@"', "sh", *one.serve()],
    }
    found = {}
    for name, command in commands.items():
        found[name] = Served(home, name, command, directory)
        stack.callback(found[name].end)
    return found


NAMES = {"watchfiles": "`uvicorn --reload` (watchfiles)", "polling": "`uvicorn --reload` without it: polling", "entr": "`entr -r`"}


def reload(scaled):
    """From a change to a server that has it"""
    with Home() as home, ExitStack() as stack:
        home.apus("up")
        servers = all_of(stack, home)
        found = dict(zip(servers, turns(scaled(12), *(one.change for one in servers.values()))))
    rows = []
    for at, what in enumerate(("change → the old server is told to end", "change → the new text is served")):
        for peer, name in NAMES.items():
            budget = Budget(300, "", text="≤ 300 ms when nobody edits") if at == 0 and peer == "watchfiles" else None
            rows.append(Row(what, "ms", [one[at] for one in found["ours"]], name, [one[at] for one in found[peer]], budget))
    return Subject(rows, "The same starlette app under each, all running at once, changed in turns. Ours waits until it was quiet for "
                         "200 ms (`--settle`), and compares bytes; watchfiles gathers for 50 ms, entr not at all. What follows "
                         "the telling is uvicorn's own end and start.")


def edits(scaled):
    """Twenty seconds of an agent's edits"""
    seconds = 20
    with Home(agent=str(CHECKOUT / "Tests/Stub/scripted-agent")) as home, ExitStack() as stack:
        home.apus("up")
        servers = all_of(stack, home)
        done = home.root / "done"
        subprocess.run([APUS, "new", "agent", "--here", "--prompt", f"hush until {done}"], cwd=servers["ours"].directory,
                       env=home.environment, check=True, capture_output=True)
        time.sleep(1)
        for _ in range(seconds):
            for one in servers.values():
                one.write()
            time.sleep(1)
        during = {name: one.reloads() for name, one in servers.items()}
        done.write_text("")
        servers["ours"].await_word(f"up-v{servers['ours'].count}")
        time.sleep(1.5)
        after = {name: one.reloads() for name, one in servers.items()}
    rows = []
    for peer, name in NAMES.items():
        rows.append(Row("reloads while it edits", "", [during["ours"]], name, [during[peer]],
                        Budget(0, "", text="0") if peer == "watchfiles" else None))
        rows.append(Row("reloads in all", "", [after["ours"]], name, [after[peer]],
                        Budget(1, "", text="1") if peer == "watchfiles" else None))
    return Subject(rows, f"A session in its turn, one edit a second for {seconds} s, the same edits under each; then the turn ends.")


def death(scaled):
    """A session that dies in its turn"""
    took = []
    with Home(agent=str(CHECKOUT / "Tests/Stub/scripted-agent")) as home, ExitStack() as stack:
        home.apus("up")
        one = Served(home, "ours", lambda one: [APUS, "dev", "--name", "ours", "--port", str(one.port), "--", *one.serve()])
        stack.callback(one.end)

        def status(wanted):
            until = time.monotonic() + 20
            while time.monotonic() < until:
                if wanted(found := home.apus("dev", "status", "--all")[0]):
                    return found
                time.sleep(0.01)
            raise RuntimeError(f"it is {found}")

        for number in range(scaled(12)):
            subprocess.run([APUS, "new", f"doomed-{number}", "--here", "--prompt", f"hush until {home.root}/never"],
                           cwd=one.directory, env=home.environment, check=True, capture_output=True)
            status(lambda server: server["holds"])
            before = len([word for word, _ in one.words() if word == "told"])
            one.write()
            status(lambda server: server["pending"])
            time.sleep(0.5)  # it is quiet long enough: what is left is the hold
            agent = home.apus("show", f"doomed-{number}")["pid"]
            began = time.monotonic_ns()
            harness.kill(agent)
            status(lambda server: not server["pending"] and server["health"] == "healthy")
            took.append(([at for word, at in one.words() if word == "told"][before] - began) / 1e6)
    return Subject([Row("`kill -9` of the agent → the old server is told to end", "ms", took, budget=Budget(100, ""))],
                   "What it changed was quiet for long, and held by its turn alone.")


def idle(scaled):
    """Fifty thousand files, nobody edits"""
    tick = os.sysconf("SC_CLK_TCK")

    def ticks(pids):
        used = 0
        for pid in pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used += int(fields[11]) + int(fields[12])
        return used

    with Home() as home, ExitStack() as stack:
        home.apus("up")
        tree = home.root / "tree"
        for directory in range(500):
            where = tree / f"d{directory}"
            where.mkdir(parents=True)
            for number in range(FILES // 500):
                (where / f"module_{number}.py").write_text(f"VALUE = {directory * 1000 + number}\n")
        servers = all_of(stack, home, tree)
        watchers = {}
        for name, one in servers.items():
            top = one.process.pid
            below = harness.children_of(top)
            # Beside the server itself: our owner and its guard, uvicorn's parent, entr.
            watchers[name] = [top, *below] if name == "ours" else [top] if name != "entr" else \
                [pid for pid in below if harness.command_of(pid)[:1] == ["entr"]]
        time.sleep(8)  # every file is read once
        seconds, rounds = 5, scaled(6)
        cpu = {name: [] for name in servers}
        for _ in range(rounds):
            before = {name: ticks(pids) for name, pids in watchers.items()}
            time.sleep(seconds)
            for name, pids in watchers.items():
                cpu[name].append((ticks(pids) - before[name]) / tick / seconds * 100)
        memory = {name: [sum(harness.pss(pid) for pid in pids)] for name, pids in watchers.items()}
    rows = []
    for peer, name in NAMES.items():
        rows.append(Row("CPU", "%", cpu["ours"], name, cpu[peer], Budget(0, "", text="0 %") if peer == "watchfiles" else None))
    for peer, name in NAMES.items():
        rows.append(Row("memory (PSS) beside the server", "MB", memory["ours"], name, memory[peer],
                        Budget(30, "") if peer == "watchfiles" else None))
    return Subject(rows, f"{FILES:,} Python files in 500 directories, the same tree under each, all at once. Ours is the owner and its "
                         "guard; uvicorn's is its parent process, which is Python with the app's imports.")


ALL = {"reload": reload, "edits": edits, "hold-death": death, "idle-tree": idle}
