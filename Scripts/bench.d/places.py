"""Places to work in, beside git itself, `claude --worktree` and an allocator that hashes names."""
import hashlib
import itertools
import json
import statistics
import subprocess
import time

import harness
from harness import APUS, Home, pairs, turns
from report import Budget, Row, Subject

median = statistics.median
FILES = 10_000


def git(home, *arguments, where=None):
    done = subprocess.run(("git", *arguments), env=home.environment, cwd=where or home.work, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"git {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout.strip()


def repository(home, files):
    """A repository on `main` with so many files in fifty directories."""
    git(home, "config", "--global", "user.name", "Ada")
    git(home, "config", "--global", "user.email", "ada@example.org")
    git(home, "init", "--quiet", "--initial-branch=main")
    for number in range(files):
        directory = home.work / f"part{number % 50}"
        directory.mkdir(exist_ok=True)
        (directory / f"file{number}.txt").write_text("".join(f"line {line} of {number}\n" for line in range(20)))
    git(home, "add", "--all")
    git(home, "commit", "--quiet", "--message", "first")


def new_rows(rounds, files, agent=None):
    with Home(agent) as home:
        repository(home, files)
        numbers = itertools.count()
        home.apus("new", "first", "--here")
        by_hand = home.root / "by-hand"

        def new():
            name = f"n{next(numbers)}"
            took = home.time(APUS, "new", name)
            home.apus("remove", name, "--stop")
            return took

        def here():
            name = f"h{next(numbers)}"
            took = home.time(APUS, "new", name, "--here")
            home.apus("stop", name, "--now")
            return took

        def worktree():
            branch = f"b{next(numbers)}"
            took = home.time("git", "worktree", "add", "--quiet", "-b", branch, str(by_hand))
            git(home, "worktree", "remove", "--force", str(by_hand))
            git(home, "branch", "--quiet", "-D", branch)
            return took

        ours, theirs, agents = turns(rounds, new, worktree, here)
    what = f"a repository of {files:,} files"
    share = [one - other - agent for one, other, agent in zip(ours, theirs, agents)]
    return [
        Row(f"`apus new NAME`, {what}", "ms", ours, "`git worktree add`", theirs),
        Row(f"the same less `git worktree add` and `apus new --here`, {what}", "ms", share, budget=Budget(
            50, "branch, base and ports are looked at, the steps are written down and the work log is entered")),
    ]


def place(rounds):
    """A session in a place of its own"""
    rows = new_rows(rounds(20), 50) + new_rows(rounds(8), FILES)
    with Home(harness.claude()) as home:
        repository(home, 50)
        numbers = itertools.count()

        def ours():
            return home.time(APUS, "new", f"n{next(numbers)}", "--prompt", "say: hi", "--wait")

        def theirs():
            return home.time(harness.claude(), "--worktree", f"w{next(numbers)}", "--print", "say: hi")

        one, other = pairs(rounds(8), ours, theirs)
        rows.append(Row("a session with a worktree, until its first answer", "ms", one, "`claude --worktree NAME -p`", other))
    return Subject(rows, "Whole processes, quiet daemon, an agent that answers at once but for the last row, which has the real"
                   " program on both sides. `apus new` leases ports and looks at what else is being worked on as well.")


def many(home, count):
    """So many sessions, each with a commit of its own; the first ten have changed the same line."""
    places = []
    for number in range(count):
        made = home.apus("new", f"s{number}")
        where = made["worktree"]
        path = f"part0/file0.txt" if number < 10 else f"part{number % 50}/file{number}.txt"
        with open(f"{where}/{path}", "r+") as file:
            text = file.read()
            file.seek(0)
            file.write(text.replace("line 3 ", f"session {number} ", 1))
            file.truncate()
        git(home, "commit", "--quiet", "--all", "--message", f"work {number}", where=where)
        home.apus("stop", f"s{number}", "--now")
        places.append((where, made["branch"]))
    return places


def worktrees(rounds):
    """List of 50 sessions with worktrees"""
    with Home() as home:
        repository(home, 500)
        places = many(home, 50)
        home.apus("list")

        def by_hand():
            began = time.perf_counter()
            for where, _ in places:
                subprocess.run(("git", "-C", where, "status", "--porcelain=v2", "--branch"), check=True,
                               env=home.environment | {"GIT_OPTIONAL_LOCKS": "0"}, stdout=subprocess.DEVNULL)
            return (time.perf_counter() - began) * 1000

        def list_changed():
            with open(f"{places[7][0]}/part1/file1.txt", "a") as file:
                file.write("more\n")
            return home.time(APUS, "list", "--json")

        quiet, hand, changed, known = turns(
            rounds(20), lambda: home.time(APUS, "list", "--json"), by_hand, list_changed,
            lambda: home.time("git", "worktree", "list"))
    return Subject([
        Row("`apus list --json`, nothing changed", "ms", quiet, "`git status` in each", hand),
        Row("`apus list --json`, a file changed in one", "ms", changed, "`git status` in each", hand),
        Row("`apus list --json`, nothing changed", "ms", quiet, "`git worktree list` (says nothing of changes)", known),
    ], "Every line carries ahead, behind, dirty and conflicts as they are now; what did not change is known from the kernel's"
       " notices, and starts no process.")


def conflicts(rounds):
    """Conflicts of 20 sessions: 190 pairs"""
    with Home() as home:
        repository(home, FILES)
        places = many(home, 20)
        all_pairs = list(itertools.combinations([branch for _, branch in places], 2))

        def by_hand():
            began = time.perf_counter()
            found = 0
            for one, other in all_pairs:
                found += subprocess.run(("git", "merge-tree", "--write-tree", "--name-only", one, other), cwd=home.work,
                                        env=home.environment, stdout=subprocess.DEVNULL).returncode == 1
            if found != 45:
                raise RuntimeError(f"{found} conflicts by hand")
            return (time.perf_counter() - began) * 1000

        def first():
            home.apus("restart")
            took = home.time(APUS, "conflicts", "--json")
            return took

        def again():
            return home.time(APUS, "conflicts", "--json")

        found = home.apus("conflicts")
        if len(found["conflicts"]) != 45:
            raise RuntimeError(f"{len(found['conflicts'])} conflicts: {json.dumps(found)[:200]}")
        cold, warm, hand = turns(rounds(5), first, again, by_hand)
    return Subject([
        Row("`apus conflicts --json`, nothing known yet", "ms", cold, "190 times `git merge-tree`", hand),
        Row("`apus conflicts --json` again", "ms", warm, "190 times `git merge-tree`", hand),
    ], f"A repository of {FILES:,} files; 45 of the pairs conflict; ours looks at the 20 pairs with the base as well. «Nothing"
       " known» is after a restart of the daemon: every worktree is looked at and watched anew.")


def ports(rounds):
    """Ports"""
    count = 200
    collided = []
    for attempt in range(rounds(20)):
        taken, collisions = set(), 0
        for number in range(count):
            port = 3000 + int(hashlib.sha256(f"{attempt}/feature-{number}".encode()).hexdigest(), 16) % 1000
            collisions += port in taken
            taken.add(port)
        collided.append(collisions)
    with Home() as home:
        repository(home, 10)
        (home.work / ".apus").mkdir()
        (home.work / ".apus/config.json").write_text(json.dumps({"ports": {f"PORT_{n}": 3000 for n in range(20)}}))
        given, times = [], []
        for number in range(count // 20):
            began = time.perf_counter()
            given += home.apus("new", f"s{number}", "--here")["ports"].values()
            times.append((time.perf_counter() - began) * 1000)
    return Subject([
        Row(f"collisions among {count} ports", "", [count - len(set(given))], "a hash of the name, 1,000 ports", collided,
            Budget(0, "two sessions were given one port")),
        Row("`apus new --here` with 20 ports", "ms", times),
    ], "Ours are leased and looked at by binding; the hash is what stateless allocators do.")


ALL = {"place": place, "worktrees": worktrees, "conflicts": conflicts, "ports": ports}
