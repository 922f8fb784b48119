"""What a terminal's bytes cost on their way: output, keys, and the first picture of who attaches."""
import itertools
import os
import statistics
import time

import harness
from report import Budget, Row, Subject
from terminals import (OnApus, OnDtach, OnDtachRedrawn, OnScript, OnTmux, Plain, Seat, await_text, home, program)

LINE = b"The parser reads a token at a time and says what it expected, 0123456789.\n"
END = b"apus-bench-end"
MARK = b"apus-bench-mark"


def beside(what, unit, kinds, times, budgets=None):
    """A row for every peer; the first of the kinds is ours."""
    return [Row(what, unit, times[0], kind.name, theirs, (budgets or {}).get(kind)) for kind, theirs in zip(kinds[1:], times[1:])]


def lines(home, name, megabytes):
    """A file of that many MB of lines."""
    path = home.root / name
    with open(path, "wb") as file:
        block = LINE * (1_000_000 // len(LINE))
        for _ in range(megabytes):
            file.write(block)
    return path


# ---------------------------------------------------------------------------------------------------- output


class Flood:
    """A program on a terminal writes a file there when it is told to."""

    numbers = itertools.count()

    def __init__(self, home, file):
        self.home, self.file = home, file

    def __call__(self, kind, watched=False):
        """Seconds until the program had written it all; watched, also until the viewer had seen the end, and its MB."""
        label = f"f{next(self.numbers)}"
        go, done = self.home.root / f"{label}.go", self.home.root / f"{label}.done"
        os.mkfifo(go), os.mkfifo(done)
        script = program(self.home, label, f"stty -echo\nread go < {go}\ncat {self.file}\necho over > {done}\n"
                         f"echo {END.decode()}\nexec sleep 1000")
        kept = kind(self.home, label, script)
        seat = Seat(kept) if watched else None
        if seat:
            await_text(f"{script}.pid")
            seat.drain(1)  # it is attached, and has painted what there was
            seat.read_on(END)
        with open(go, "w") as begin:
            began = time.perf_counter()
            begin.write("go\n")
        with open(done) as end:
            end.read()
        took = time.perf_counter() - began
        if not seat:
            kept.end()
            return took
        seen = seat.finish() - began
        received = seat.received / 1e6
        kept.end()
        seat.leave()
        return took, seen, received


def throughput(rounds):
    """Terminal throughput"""
    budgets = {OnScript: Budget(1, "", of="ratio", text="≥ as fast"), OnTmux: Budget(0.5, "", of="ratio", text="≥ 2× as fast")}
    alone, seated = [OnApus, OnScript, OnDtach, OnTmux], [OnApus, OnScript, OnDtach, OnTmux, Plain]
    large = rounds(1000)
    with home() as here:
        here.time(*here.tmux("new-session", "-d", "-s", "base", "sleep 1000"))
        flood = Flood(here, lines(here, "lines", 100))
        detached = harness.turns(rounds(5), *(lambda kind=kind: flood(kind) for kind in alone))
        found = harness.turns(rounds(5), *(lambda kind=kind: flood(kind, True) for kind in seated))
        flood = Flood(here, lines(here, "many", large))
        once = [[flood(kind)] for kind in alone]
    rows = beside("100 MB, nobody attached", "s", alone, detached, budgets)
    rows += beside(f"{large:,} MB, nobody attached", "s", alone, once, budgets)
    for at, what, unit, held in ((0, "100 MB, a viewer attached: the program's time", "s", budgets),
                                 (1, "the same until the viewer saw the end", "s", None),
                                 (2, "the same: what the viewer received", "MB", None)):
        rows += beside(what, unit, seated, [[one[at] for one in kind] for kind in found], held)
    return Subject(rows, "A program on the terminal runs `cat` of a file of lines; timed inside, from its start to its end. Apus and"
                   " `script` record all of it, `dtach` alone and `tmux` do not. The viewer reads its terminal as fast as it"
                   " can; who falls 4 MB behind is shown the screen as it is now instead of all that went by, as with `tmux`.")


# ------------------------------------------------------------------------------------------------------ keys


def echo(rounds):
    """Key echo"""
    kinds = [OnApus, OnDtach, OnTmux, Plain]
    keys = 50
    with home() as here:
        seats = []
        for number, kind in enumerate(kinds):
            script = program(here, f"e{number}", "stty raw -echo\nexec cat")
            kept = kind(here, f"e{number}", script)
            seats.append((kept, Seat(kept)))
        for _, seat in seats:
            seat.drain(1)
        seats[0][1].drain(3)  # a notice goes away after 2.5 s

        def press(seat):
            began = time.perf_counter()
            os.write(seat.master, b"x")
            while b"x" not in seat.read():
                pass
            return (time.perf_counter() - began) * 1000

        def measure(seat):
            seat.drain(0.05)
            took = sorted(press(seat) for _ in range(keys))
            return statistics.median(took), took[int(keys * 0.95)]

        found = harness.turns(rounds(20), *(lambda seat=seat: measure(seat) for _, seat in seats))
        for kept, seat in seats:
            kept.end()
            seat.leave()
    rows = []
    for at, what in enumerate((f"median of {keys} keys", f"95th percentile of {keys} keys")):
        rows += beside(what, "ms", kinds, [[one[at] for one in kind] for kind in found])
    return Subject(rows, f"A key is written to a terminal with a viewer on it, and read back after `cat` on the kept terminal echoed it"
                   f" (both in raw mode): {keys} keys a turn, {rounds(20) * keys:,} each in all. The plain terminal has no keeper.")


# ----------------------------------------------------------------------------------------------------- attach


def attach_rows(here, what, script_text, kinds, rounds, settled=1.0):
    alive = []
    for kind in kinds:
        label = f"a{next(Flood.numbers)}"
        alive.append(kind(here, label, program(here, label, script_text)))
    for kept in alive:
        await_text(f"{kept.script}.ready")
    time.sleep(settled)  # a screen of it is drawn by now, where one is

    def measure(kept):
        seat = Seat(kept)
        took = (seat.wait_for(MARK) - seat.began) * 1000
        seat.drain(0.05)
        seat.leave()
        return took

    times = harness.turns(rounds, *(lambda kept=kept: measure(kept) for kept in alive))
    for kept in alive:
        kept.end()
    return beside(what, "ms", kinds, times)


# Draws a screen, and draws it again when it is told that its terminal has changed.
DRAWS = r"""draw() { printf '%s'; }
trap draw WINCH
draw
echo ready > $0.ready
while :; do sleep 1000 & wait; done"""


def attach(rounds):
    """Attaching to a terminal"""
    kinds = [OnApus, OnTmux, OnDtachRedrawn]
    full = "".join(rf"\033[{row};1H\033[4{row % 8}m{f'line {row} of a full screen':<78}" for row in range(1, 25))
    full = rf"\033[?1049h\033[2J{full}\033[0m\033[12;30H{MARK.decode()}"
    plain = rf"\r\n{MARK.decode()}\r\n"
    with home() as here:
        rows = attach_rows(here, "a fresh terminal", DRAWS % plain, kinds, rounds(20))
        for megabytes in (1, 10):
            file = lines(here, f"mb{megabytes}", megabytes)
            rows += attach_rows(here, f"after {megabytes} MB of output", f"cat {file}\n{DRAWS % plain}", kinds, rounds(20),
                                settled=2 + megabytes / 2)
        rows += attach_rows(here, "a full-screen program", DRAWS % full, kinds, rounds(20))
    return Subject(rows, "From the start of the command (`apus attach`, `tmux attach-session`, `dtach -a`) until the first text that was"
                   " there before is on the viewer's terminal. `dtach` keeps nothing of what was written: it asks the program to"
                   " draw again (`-r winch`), which this one does at once and many do not.")


ALL = {"terminal-throughput": throughput, "terminal-echo": echo, "terminal-attach": attach}
