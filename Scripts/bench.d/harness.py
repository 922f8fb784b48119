"""Throw-away homes, timed programs, processes by pid."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAMS = CHECKOUT / ".build/release"
APUS = str(PROGRAMS / "apus")
SDK = "claude-agent-sdk==0.2.186"

# Answers at once what the daemon asks of an agent, and ends when its input does: what is left is our own share.
QUICK_AGENT = r"""#!/bin/sh
[ "$1" = --version ] && { echo '2.1.329 (Claude Code)'; exit; }
while read -r line; do
  case $line in *'"initialize"'*)
    echo '{"type":"control_response","response":{"subtype":"success","request_id":"apus-hello",'\
'"response":{"claude_code_version":"2.1.329","session_state":"idle"}}}' ;;
  esac
done
"""


def claude():
    """The pinned `claude` program."""
    return subprocess.run([CHECKOUT / "Scripts/fetch-claude"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def python():
    """A Python that has the packages of Scripts/python.txt; the SDK is found through `sdk_path`."""
    return subprocess.run([CHECKOUT / "Scripts/fetch-python"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def sdk_path():
    """Where the SDK is: for PYTHONPATH."""
    return str(Path(claude()).parent / "sdk")


def debian(programs):
    """Debian's packages of those programs that are missing, started by nobody."""
    missing = [package for program, package in programs.items() if not shutil.which(program)]
    if missing:
        print(f"bench: installing {' '.join(missing)}", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing]
        if subprocess.run(command, env=environment, capture_output=True).returncode:
            subprocess.run(["apt-get", "update", "--quiet"], env=environment, check=True, capture_output=True)
            subprocess.run(command, env=environment, check=True, capture_output=True)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Home:
    """A home, a repository and an environment that nothing else has; what was started in it ends with it."""

    def __init__(self, agent=None, **extra):
        self.root = Path(tempfile.mkdtemp(prefix="apus-bench-"))
        for part in ("home", "work", "tmp"):
            (self.root / part).mkdir(mode=0o700)
        self.work = self.root / "work"
        self.quick_agent = self.root / "agent"
        self.quick_agent.write_text(QUICK_AGENT)
        self.quick_agent.chmod(0o755)
        self.stub = None
        self.environment = {
            "HOME": f"{self.root}/home", "APUS_HOME": f"{self.root}/apus", "TMPDIR": f"{self.root}/tmp",
            "TMUX_TMPDIR": f"{self.root}/tmp", "LANG": "C.UTF-8", "TERM": "xterm-256color",
            "PATH": f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin", "APUS_CLAUDE": agent or str(self.quick_agent),
            "APUS_BENCH": str(self.root), "ANTHROPIC_API_KEY": "sk-ant-fake-key", "IS_SANDBOX": "1",
            "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1", "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_BUG_COMMAND": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0", **extra}

    def __enter__(self):
        self.stub = subprocess.Popen([CHECKOUT / "Tests/Stub/model-stub", "--exit-with-stdin"], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PATH": "/usr/local/bin:/usr/bin:/bin"})
        address = self.stub.stdout.readline().removeprefix("listening on ").strip()
        self.environment["ANTHROPIC_BASE_URL"] = address
        return self

    def __exit__(self, *_):
        try:
            subprocess.run([APUS, "down", "--end"], env=self.environment, capture_output=True, timeout=60)
        finally:
            marks = {f"APUS_BENCH={self.root}".encode(), f"APUS_HOME={self.root}/apus".encode()}
            until = time.monotonic() + 10
            while (left := [pid for pid in processes() if marks & environment_of(pid)]) and time.monotonic() < until:
                for pid in left:
                    kill(pid)
                time.sleep(0.02)
            self.stub.stdin.close()
            self.stub.wait(10)
            shutil.rmtree(self.root)

    def time(self, *command, check=True):
        """Milliseconds from starting a program until it has ended."""
        began = time.perf_counter()
        done = subprocess.run(command, env=self.environment, cwd=self.work, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        took = (time.perf_counter() - began) * 1000
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stderr.decode()}")
        return took

    def apus(self, *arguments):
        """What `apus … --json` answered."""
        done = subprocess.run([APUS, *arguments, "--json"], env=self.environment, cwd=self.work,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"apus {' '.join(arguments)}: exit {done.returncode}: {done.stdout} {done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def daemon(self):
        """The daemon's pid."""
        return int((self.root / "apus/apusd.lock").read_text())

    def tmux(self, *arguments):
        """A tmux of this home's own."""
        return ("tmux", "-L", "bench", "-f", "/dev/null", *arguments)

    def tmux_server(self):
        """The pid of its server, 0 when there is none."""
        asked = subprocess.run(self.tmux("display-message", "-p", "#{pid}"), env=self.environment, capture_output=True, text=True)
        return int(asked.stdout.strip() or 0)


def pairs(rounds, ours, peer):
    """Measures the two in turns, each first every other time; one round before that does not count."""
    first, second = [], []
    for number in range(-1, rounds):
        a, b = (ours(), peer()) if number % 2 else (peer(), ours())[::-1]
        if number >= 0:
            first.append(a)
            second.append(b)
    return first, second


def turns(rounds, *measures):
    """Measures all of them in turns, another one first every time; a list each. One round before that does not count."""
    found = [[] for _ in measures]
    for number in range(-1, rounds):
        for at in range(len(measures)):
            which = (at + number) % len(measures)
            value = measures[which]()
            if number >= 0:
                found[which].append(value)
    return found


# ------------------------------------------------------------------------------------------------- processes


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def environment_of(pid):
    try:
        return set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return set()


def command_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid):
    """Whether it runs; one that has ended and was not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_for_end(pid, seconds=10):
    until = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > until:
            raise RuntimeError(f"process {pid} does not end: {command_of(pid)}")
        time.sleep(0.002)


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def pss(pid):
    """Proportional set size in MB."""
    return int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) / 1024


def wakeups(pid):
    """Voluntary context switches of all threads so far."""
    statuses = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M)[1]) for text in statuses)
