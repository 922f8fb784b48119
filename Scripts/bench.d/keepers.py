"""Speaks with `apus-keeper` as the daemon does (Sources/ApusFrames), and with `dtach`."""
import fcntl
import os
import socket
import struct
import time

from harness import PROGRAMS, children_of, command_of, kill, processes, wait_for_end

MARK = 0x3141_5041


def text(value):
    value = os.fsencode(value)
    return struct.pack("<I", len(value)) + value


def texts(values):
    return struct.pack("<I", len(values)) + b"".join(map(text, values))


def launch_order(address, program, arguments, environment, directory):
    """`LaunchOrder.encoded`."""
    return struct.pack("<I", MARK) + text(address) + text(program) + texts(arguments) + texts(environment) + text(directory) + b"\0"


def read_launch_order(data):
    """The arguments, environment and directory of a launch order."""
    at = 4

    def number():
        nonlocal at
        at += 4
        return struct.unpack_from("<I", data, at - 4)[0]

    def string():
        nonlocal at
        length = number()
        at += length
        return os.fsdecode(data[at - length:at])

    string(), string()
    arguments = [string() for _ in range(number())]
    environment = dict(string().split("=", 1) for _ in range(number()))
    return arguments, environment, string()


def frame(kind, body=b""):
    return struct.pack("<IB", len(body) + 1, kind) + body


def connect(address):
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(10)
    link.connect(str(address))
    return link


class Keeper:
    """An `apus-keeper` with `cat` for an agent; `milliseconds` is how long it took until it was up and answered."""

    def __init__(self, directory, environment):
        directory.mkdir(mode=0o700)
        self.address = directory / "socket"
        order = launch_order(self.address, "/bin/cat", ["cat"], [f"{k}={v}" for k, v in environment.items()], "/")
        (directory / "launch").write_bytes(order)
        reading, end = os.pipe()
        writing = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10)  # so that it is not itself number 3
        os.close(end)
        program = str(PROGRAMS / "apus-keeper")
        own = {"APUS_BENCH": environment["APUS_BENCH"], "APUS_ROLE": "keeper"}
        began = time.perf_counter()
        pid = os.posix_spawn(program, [program, str(directory)], own, file_actions=[(os.POSIX_SPAWN_DUP2, writing, 3)])
        os.close(writing)
        with open(reading, "rb") as pipe:
            said = pipe.read()
        connect(self.address).close()
        self.milliseconds = (time.perf_counter() - began) * 1000
        os.waitpid(pid, 0)
        if said != b"R":
            raise RuntimeError(f"apus-keeper: {said!r}")
        self.pid = struct.unpack_from("<i", (directory / "keeper").read_bytes())[0]

    def end(self):
        link = connect(self.address)
        steps = struct.pack("<IBIBiI", 2, 1, 2000, 2, 9, 1000)  # close its input, then SIGKILL
        link.sendall(frame(1, struct.pack("<H", 1)) + frame(2, bytes(8)) + frame(5, steps))
        with link.makefile("rb") as replies:
            while head := replies.read(5):
                length, kind = struct.unpack("<IB", head)
                replies.read(length - 1)
                if kind == 67:  # the ending: acknowledged, the keeper goes
                    link.sendall(frame(6))
        link.close()
        wait_for_end(self.pid)


class Dtach:
    """The same of `dtach -n`."""

    def __init__(self, address, environment):
        self.address = address
        began = time.perf_counter()
        pid = os.posix_spawn("/usr/bin/dtach", ["dtach", "-n", str(address), "/bin/cat"], environment)
        os.waitpid(pid, 0)
        connect(address).close()
        self.milliseconds = (time.perf_counter() - began) * 1000
        self.pid = next(one for one in processes() if command_of(one)[:3] == ["dtach", "-n", str(address)])

    def end(self):
        for child in children_of(self.pid):
            kill(child)
        wait_for_end(self.pid)
