"""What keeping terminals costs: memory, launches, reports of hooks, a hundred of them at once."""
import json
import os
import subprocess
import time
from pathlib import Path

import harness
from harness import APUS, CHECKOUT, children_of, pairs, pss, turns
from report import Budget, Row, Subject
from terminal_output import beside, lines
from terminals import OnApus, OnDtach, OnScript, OnTmux, await_text, home, program

STUB = CHECKOUT / "Tests/Stub/terminal-agent"


# ---------------------------------------------------------------------------------------------------- memory


def keepers_of(kept):
    """The processes that keep it, agent aside; none where that is shared."""
    if isinstance(kept, OnScript):
        return [kept.keeper, *children_of(kept.keeper)]
    return [kept.keeper] if hasattr(kept, "keeper") else []


def memory_rows(count, kinds):
    with home() as here:
        file = lines(here, "lines", 10)
        alive = {kind: [] for kind in kinds}
        for number in range(count):
            for kind in kinds:
                label = f"m{number}{kind.__name__}"
                go, done = here.root / f"{label}.go", here.root / f"{label}.done"
                os.mkfifo(go), os.mkfifo(done)
                script = program(here, label, f"read go < {go}\ncat {file}\necho over > {done}\nexec sleep 1000")
                alive[kind].append(kind(here, label, script))

        def weigh():
            each = {kind: [sum(map(pss, keepers_of(kept))) for kept in alive[kind]] for kind in kinds}
            server = pss(here.tmux_server())
            each[OnTmux] = [server / count]
            return [each[kind] for kind in kinds], pss(here.daemon()), server

        for kept in (kept for all in alive.values() for kept in all):
            await_text(f"{kept.script}.pid")
        time.sleep(0.5)
        idle, daemon, server = weigh()
        for kept in (kept for all in alive.values() for kept in all):
            with open(kept.script.with_suffix(".go"), "w") as begin:
                begin.write("go\n")
            with open(kept.script.with_suffix(".done")) as end:
                end.read()
        until = time.monotonic() + 60
        while not all(list(kept.run_directory.glob("screen.*[0-9]")) for kept in alive[OnApus]) and time.monotonic() < until:
            time.sleep(0.1)  # a screen is drawn of so much output, once
        time.sleep(0.5)
        after, later, server_later = weigh()
    many = "1 terminal" if count == 1 else f"{count} terminals"
    budgets = {OnScript: Budget(3, "see the keeper's own mappings")}
    heavy = Budget(25, "see the daemon's own mappings")
    return (beside(f"each of {many}, idle", "MB", kinds, idle, budgets)
            + beside(f"each of {many}, after 10 MB of output", "MB", kinds, after, budgets)
            + [Row(f"the daemon, {many}, idle", "MB", [daemon], "tmux server", [server], heavy),
               Row(f"the daemon, {many}, after 10 MB of output each", "MB", [later], "tmux server", [server_later], heavy)])


def memory(rounds):
    """Memory of terminals"""
    rows = [row for count in (1, 20, rounds(100)) for row in memory_rows(count, [OnApus, OnScript, OnDtach, OnTmux])]
    return Subject(rows, "PSS of what keeps a terminal, the agent aside; of `dtach` with `script` both programs, of `tmux` the server's"
                   " share. `dtach` keeps nothing of what was written, `tmux` its last 2,000 lines in memory; `script` and Apus keep"
                   " it in files.")


# ---------------------------------------------------------------------------------------------------- launch


def spawn(rounds):
    """Starting a terminal"""
    numbers = iter(range(10_000))
    with home() as here:
        said = here.root / "said"
        os.mkfifo(said)
        runs = here.root / "apus/runs"
        script = program(here, "spawn", f"printf hello\necho said > {said}\nexec sleep 1000")
        here.environment["TERMINAL_AGENT"] = f"sh {script}"
        own = Path(f"{script}.pid")

        def launch(*command):
            began = time.perf_counter()
            process = subprocess.Popen(command, env=here.environment, cwd=here.work, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL)
            with open(said) as end:
                end.read()
            return began, process

        def ours(cold=False):
            if cold:
                here.apus("down")
            name = f"s{next(numbers)}"
            known = set(os.listdir(runs)) if runs.exists() else set()
            began, process = launch(APUS, "new", name, "--terminal")
            fresh = set(os.listdir(runs)) - known
            recording = runs / fresh.pop() / "1/recording"
            while not recording.stat().st_size:
                pass
            took = (time.perf_counter() - began) * 1000
            process.wait()
            whole = (time.perf_counter() - began) * 1000
            here.apus("stop", name, "--now")
            return took, whole

        def peer(*command):
            began, process = launch(*command)
            took = (time.perf_counter() - began) * 1000
            process.wait()
            pid = int(await_text(own))
            harness.kill(pid)
            harness.wait_for_end(pid)
            return took

        def dtach():
            return peer("dtach", "-n", str(here.root / f"d{next(numbers)}"), str(STUB))

        def tmux(cold=False):
            server = here.tmux_server()
            if cold and server:
                harness.kill(server)
                harness.wait_for_end(server)
            if not cold and not server:
                here.time(*here.tmux("new-session", "-d", "-s", "base", "sleep 1000"))
            return peer(*here.tmux("new-session", "-d", "-s", f"t{next(numbers)}", f"exec {STUB}"))

        first, second, third = turns(rounds(30), ours, dtach, tmux)
        cold, again = pairs(rounds(15), lambda: ours(True), lambda: tmux(True))
    began, whole = zip(*first)
    return Subject([
        Row("first output, daemon running", "ms", list(began), "`dtach -n`", second),
        Row("first output, daemon running", "ms", list(began), "`tmux new-session -d`, server running", third),
        Row("first output, no daemon", "ms", [one for one, _ in cold], "`tmux new-session -d`, no server", again),
        Row("`apus new NAME --terminal`, whole process", "ms", list(whole)),
    ], "From the start of the command until the program on the new terminal has written its first bytes (two shells), with Apus until"
       " they are in the recording. With Apus a session, its run and a launch order are kept on the disk before it starts.")


# ----------------------------------------------------------------------------------------------------- hooks


def hook(rounds):
    """Reports of hooks"""
    with home() as here:
        session = OnApus(here, "hooked", program(here, "hooked", "exec sleep 1000"))
        conversation = session.session["conversationID"]
        report = json.dumps({
            "session_id": conversation, "transcript_path": f"{here.root}/home/.claude/projects/w/{conversation}.jsonl",
            "cwd": str(here.work), "permission_mode": "default", "hook_event_name": "PreToolUse", "tool_name": "Bash",
            "tool_input": {"command": "make test 2>&1 | tail -40", "description": "Run the tests"},
            "tool_use_id": "toolu_01"}).encode()
        environment = dict(one.decode().split("=", 1) for one in harness.environment_of(session.agent) if b"=" in one)

        def tell(*command):
            began = time.perf_counter()
            done = subprocess.run(command, input=report, env=environment, cwd=here.work, capture_output=True)
            took = (time.perf_counter() - began) * 1000
            if done.returncode:
                raise RuntimeError(f"{command}: exit {done.returncode}: {done.stderr.decode()}")
            return took

        def down():
            """After the daemon was killed; the next one is up again afterwards."""
            here.apus("up")
            daemon = here.daemon()
            harness.kill(daemon)
            harness.wait_for_end(daemon)
            return tell(APUS, "hook")

        tell(APUS, "hook")
        until = time.monotonic() + 5
        while not here.apus("show", "hooked")["activitySource"].startswith("hook"):
            if time.monotonic() > until:
                raise RuntimeError("the daemon did not hear of it")
        ours, floor, same = turns(rounds(100), lambda: tell(APUS, "hook"), lambda: tell("/bin/true"), lambda: tell(APUS, "version"))
        alone, other = pairs(rounds(20), down, lambda: tell("/bin/true"))
        session.end()
    own = Budget(5, "the launch of `apus` and of any program (`/bin/true`) are in it, see beside")
    return Subject([
        Row("`apus hook`, daemon running", "ms", ours, "`/bin/true`", floor, own),
        Row("`apus hook`, daemon running", "ms", ours, "`apus version`", same),
        Row("`apus hook`, the daemon was killed", "ms", alone, "`/bin/true`", other, Budget(100, "it waits for nobody for so long")),
    ], "A PreToolUse report on its input, in the environment of a kept agent; the whole process as the measuring program sees it, all"
       " of them with the same input and pipes.")


# ------------------------------------------------------------------------------------------------ a hundred


def ticks(pid):
    """Milliseconds of processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def hundred(rounds):
    """A hundred terminals"""
    count, seconds = rounds(100), rounds(10)
    with home() as here:
        script = program(here, "idle", "exec cat")
        sessions = [OnApus(here, f"k{number}", script) for number in range(count)]
        for number in range(count):
            here.time(*here.tmux("new-session", "-d", "-s", f"t{number}", "exec cat"))
        keepers = {one.keeper for one in sessions}

        def adopted():
            began = time.perf_counter()
            here.apus("restart")
            until = time.monotonic() + 60
            while {one["keeperPID"] for one in here.apus("list") if one["state"] == "running"} != keepers:
                if time.monotonic() > until:
                    raise RuntimeError("not every keeper is adopted")
            return (time.perf_counter() - began) * 1000

        back = [adopted() for _ in range(rounds(10))]
        ours, theirs = pairs(rounds(30), lambda: here.time(APUS, "list", "--json"), lambda: here.time(*here.tmux("list-sessions")))
        daemon, tmux = here.daemon(), here.tmux_server()
        time.sleep(2)  # what the commands above began is over
        watched = [daemon, *keepers, tmux]
        before = [(ticks(pid), harness.wakeups(pid)) for pid in watched]
        time.sleep(seconds)
        spent = [(ticks(pid) - was, harness.wakeups(pid) - woken) for pid, (was, woken) in zip(watched, before)]
        weight = pss(daemon) + sum(map(pss, keepers)), pss(tmux)
    (daemon, woken), *kept, (server, roused) = spent
    return Subject([
        Row(f"`apus restart` until `apus list` shows all {count} running", "ms", back),
        Row(f"`apus list --json` of {count}", "ms", ours, "`tmux list-sessions`", theirs),
        Row(f"processor time in {seconds} s, daemon and keepers", "ms", [daemon + sum(one for one, _ in kept)], "tmux server", [server]),
        Row(f"wake-ups in {seconds} s, the daemon's", "", [woken], "tmux server", [roused]),
        Row(f"wake-ups in {seconds} s, all keepers' together", "", [sum(one for _, one in kept)]),
        Row("PSS, daemon and keepers", "MB", [weight[0]], "tmux server", [weight[1]]),
    ], f"{count} live keepers, each with a program that waits for keys. With `tmux` a new server is the end of all sessions.")


ALL = {"terminal-memory": memory, "terminal-spawn": spawn, "hook": hook, "keepers-100": hundred}
