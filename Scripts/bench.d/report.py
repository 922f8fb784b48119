"""Rows of numbers, and how they are written down."""
import json
import os
import platform
import re
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Budget:
    """What the median of `of` (ours, or the ratio ours ÷ peer) may be, and what to say where it is more."""
    limit: float
    why: str
    of: str = "ours"
    text: str = ""


@dataclass
class Row:
    what: str
    unit: str
    ours: list
    peer_name: str = ""
    peer: list = field(default_factory=list)
    budget: Budget | None = None

    @property
    def ratios(self):
        """Pair by pair; none where the two were not measured in pairs."""
        if len(self.ours) != len(self.peer):
            return [statistics.median(self.ours) / statistics.median(self.peer)] if self.peer else []
        return [one / other for one, other in zip(self.ours, self.peer) if other]

    @property
    def excess(self):
        """How often the budget goes into what was measured; at most 1 where it is met."""
        value = statistics.median(self.ours if self.budget.of == "ours" else self.ratios)
        return value / self.budget.limit if self.budget.limit else float(value > 0) + 1 if value else 0

    def record(self):
        met = {"budget": self.budget.text or f"≤ {self.budget.limit} {self.unit}", "met": self.excess <= 1} if self.budget else {}
        return {"what": self.what, "unit": self.unit, "ours": self.ours, "peer_name": self.peer_name, "peer": self.peer,
                "ratios": self.ratios, **met}


@dataclass
class Subject:
    rows: list
    about: str
    title: str = ""


def digits(value):
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def three(values):
    """`min / median / max`."""
    if len(values) < 2:
        return digits(values[0]) if values else "–"
    return " / ".join(digits(one) for one in (min(values), statistics.median(values), max(values)))


def verdict(row):
    if not row.budget:
        return "–", "–"
    budget = row.budget.text or f"≤ {row.budget.limit} {row.unit}".rstrip()
    if row.excess <= 1:
        return budget, "yes"
    if row.budget.of == "ratio":
        reached = f"no, {1 / statistics.median(row.ratios):.1f}× is reached"
    elif row.budget.limit:
        reached = f"no, {digits(statistics.median(row.ours) - row.budget.limit)} {row.unit} over"
    else:
        reached = f"no, {digits(statistics.median(row.ours))}"
    return budget, f"{reached}: {row.budget.why}" if row.budget.why else reached


def table(subject):
    yield f"## {subject.title}\n\n{subject.about}\n"
    yield "| what | ours | peer | peer's | ours ÷ peer | budget | met |"
    yield "|---|---|---|---|---|---|---|"
    for row in subject.rows:
        unit = f", {row.unit}" if row.unit else ""
        yield (f"| {row.what}{unit} | {three(row.ours)} | {row.peer_name or '–'} | {three(row.peer)} | {three(row.ratios)} | "
               + " | ".join(verdict(row)) + " |")
    yield ""


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip().splitlines()[0]
    except (OSError, IndexError):
        return "?"


def machine(apus, claude, sdk):
    """What the numbers were measured on."""
    model = re.search(r"^model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(), re.M)
    memory = int(re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(), re.M)[1]) / 2**20
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "?")
    versions = {"apus": first_line(apus, "version"), "claude": first_line(claude, "--version"), "SDK": sdk,
                "tmux": first_line("tmux", "-V"), "dtach": first_line("dtach", "--version"),
                "git": first_line("git", "--version"), "python": platform.python_version()}
    return {"cores": len(os.sched_getaffinity(0)), "processor": model[1] if model else platform.machine(),
            "memory_GB": round(memory, 1), "kernel": platform.release(), "system": system, "versions": versions}


def write(subjects, facts, markdown, record):
    """BENCHMARKS.md and the same for programs."""
    missed = [(subject, row) for subject in subjects for row in subject.rows if row.budget and row.excess > 1]
    host = facts["machine"]
    lines = [
        "# Benchmarks", "",
        f"Made by `{facts['command']}` on {facts['date']}, in {facts['seconds']} s; a run of it replaces this page.", "",
        f"Machine: {host['cores']} cores of {host['processor']}, {host['memory_GB']} GB, {host['system']}, Linux"
        f" {host['kernel']}; load before {facts['load_before']}, after {facts['load_after']}.",
        "Versions: " + ", ".join(f"{name} {text.removeprefix(name).strip(' -')}" for name, text in host["versions"].items())
        + ".", "",
        "Three numbers are minimum / median / maximum. Ours and the peer's are measured in turns, in throw-away homes; the ratio"
        " is taken pair by pair, so that what else the machine does weighs on both. Budgets hold for the median.", "",
        "**" + (f"{len(missed)} budget(s) missed:** " + "; ".join(f"{row.what} ({subject.title})" for subject, row in missed)
                if missed else "Every budget is met.**"), ""]
    for subject in subjects:
        lines += table(subject)
    Path(markdown).write_text("\n".join(lines).rstrip() + "\n")
    Path(record).parent.mkdir(exist_ok=True)
    Path(record).write_text(json.dumps({**facts, "subjects": [
        {"title": subject.title, "rows": [row.record() for row in subject.rows]} for subject in subjects]}, indent=1) + "\n")


def now():
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())


def load():
    return f"{os.getloadavg()[0]:.2f}"
