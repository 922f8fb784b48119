"""Programs on terminals of their own, kept by Apus and by its peers, and a person's terminal to attach from."""
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from fcntl import ioctl

from harness import APUS, CHECKOUT, Home, command_of, kill, processes, wait_for_end

SIZE = struct.pack("HHHH", 24, 80, 0, 0)


def home():
    """A home whose sessions run on their terminals what `OnApus` says."""
    return Home(str(CHECKOUT / "Tests/Stub/terminal-agent"))


def program(home, name, text):
    """A shell script that says its process id first; its path."""
    path = home.root / f"{name}.sh"
    path.write_text(f"echo $$ > {path}.pid\n{text}\n")
    return path


class Kept:
    """A program on a terminal somebody keeps. `name` is what a table calls the keeper."""

    def __init__(self, home, label, script):
        self.home, self.label, self.script = home, label, script
        self.start()

    def run(self, *command):
        done = subprocess.run(command, env=self.home.environment, cwd=self.home.work, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stdout}{done.stderr}")

    @property
    def agent(self):
        """The program's own process."""
        return int(await_text(f"{self.script}.pid"))

    def end(self):
        pid = self.agent
        kill(pid)
        wait_for_end(pid)


class OnApus(Kept):
    name = "apus"

    def start(self):
        self.session = self.home.apus("new", self.label, "--terminal", "--env", f"TERMINAL_AGENT=sh {self.script}")
        self.attach = (APUS, "attach", self.label)
        self.keeper = self.session["keeperPID"]

    @property
    def run_directory(self):
        return self.home.root / f"apus/runs/{self.session['id']}/1"

    def end(self):
        self.home.apus("stop", self.label, "--now")
        wait_for_end(self.keeper)


class OnDtach(Kept):
    name = "`dtach`"
    redraw = "none"

    def command(self):
        return "sh", str(self.script)

    def start(self):
        address = str(self.home.root / self.label)
        self.attach = ("dtach", "-a", address, "-r", self.redraw)
        self.run("dtach", "-n", address, *self.command())
        self.keeper = next(pid for pid in processes() if command_of(pid)[:3] == ["dtach", "-n", address])

    def end(self):
        super().end()
        wait_for_end(self.keeper)


class OnDtachRedrawn(OnDtach):
    name = "`dtach -r winch`"
    redraw = "winch"


class OnScript(OnDtach):
    """Records all output, as Apus does."""
    name = "`dtach` with `script`"

    def command(self):
        return "script", "-q", "-c", f"exec sh {self.script}", str(self.home.root / f"{self.label}.typescript")


class OnTmux(Kept):
    name = "`tmux`"

    def start(self):
        self.run(*self.home.tmux("new-session", "-d", "-s", self.label, "-x", "80", "-y", "24", f"exec sh {self.script}"))
        self.run(*self.home.tmux("set-option", "-g", "status", "off"))
        self.attach = self.home.tmux("attach-session", "-t", f"={self.label}")


class Plain(Kept):
    """No keeper at all: the program runs on the terminal of whoever started it."""
    name = "plain terminal"

    def start(self):
        self.attach = ("sh", str(self.script))


class Seat:
    """A terminal of 24 × 80 with a program on it, as a person has; `began` is when that was started."""

    def __init__(self, kept):
        self.master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, SIZE)
        name = os.ttyname(slave)
        command = list(map(str, kept.attach))
        self.began = time.perf_counter()
        self.pid = os.posix_spawnp(command[0], command, kept.home.environment, setsid=True, file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, name, os.O_RDWR, 0), (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)])
        os.close(slave)
        self.received = 0
        self.tail = b""
        self.thread = None

    def read(self):
        """What is there now, after waiting for it."""
        data = os.read(self.master, 1 << 16)
        self.received += len(data)
        return data

    def wait_for(self, text, seconds=30):
        """Reads until that text is on it; the moment it was."""
        until = time.monotonic() + seconds
        seen = b""
        while text not in seen:
            if not select.select([self.master], [], [], max(0, until - time.monotonic()))[0]:
                raise RuntimeError(f"{text!r} does not appear; last {seen[-300:]!r}")
            seen = seen[-len(text):] + self.read()
        return time.perf_counter()

    def drain(self, seconds):
        """Reads whatever comes for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self.master], [], [], left)[0]:
                self.read()

    def read_on(self, text):
        """Reads as fast as it can, in a thread of its own; `finish` says when that text came."""
        self.received, self.seen_at = 0, None

        def work():
            buffer = bytearray(1 << 16)
            tail = b""
            while True:
                try:
                    count = os.readv(self.master, [buffer])
                except OSError:
                    return
                if count == 0:
                    return
                self.received += count
                if self.seen_at is None:
                    end = tail + buffer[max(0, count - 4096):count]
                    if text in end:
                        self.seen_at = time.perf_counter()
                    tail = end[-len(text):]

        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()

    def finish(self, seconds=60):
        """The moment the text came."""
        until = time.monotonic() + seconds
        while self.seen_at is None:
            if time.monotonic() > until:
                raise RuntimeError("the viewer never saw the end")
            time.sleep(0.002)
        return self.seen_at

    def leave(self):
        """As when a terminal window is closed: the viewer is told, and goes."""
        kill(self.pid, signal.SIGHUP)
        until = time.monotonic() + 10
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if self.thread is None and select.select([self.master], [], [], 0.005)[0]:
                try:
                    self.read()
                except OSError:
                    pass
            if time.monotonic() > until:
                kill(self.pid)
        if self.thread:
            self.thread.join(10)
        os.close(self.master)


def await_text(path, seconds=10):
    """What a file holds, as soon as it holds something."""
    until = time.monotonic() + seconds
    while True:
        try:
            if (text := open(path).read()).endswith("\n"):
                return text.strip()
        except FileNotFoundError:
            pass
        if time.monotonic() > until:
            raise RuntimeError(f"{path} stays empty")
        time.sleep(0.001)
