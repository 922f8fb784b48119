"""What is measured, a function each. `rounds(n)` is n, or less with --quick."""
import re
import statistics
import subprocess
import time
import uuid
from contextlib import ExitStack

import harness
import trees
from harness import APUS, Home, pairs
from keepers import Dtach, Keeper, read_launch_order
from report import Budget, Row, Subject

median = statistics.median


def launches(home, rounds, *command):
    """The median of what starting and ending a program costs here."""
    return median(home.time(*command, check=False) for _ in range(rounds))


# ---------------------------------------------------------------------------------------- creating a session


def by_hand(home, order):
    """Starts the agent as the keeper does, says `initialize`, waits for the answer; milliseconds."""
    arguments, environment, directory = order
    arguments = [one if not one.startswith("--session-id=") else f"--session-id={uuid.uuid4()}" for one in arguments]
    # With the home, for its hooks would start a daemon for another one, which nobody ends.
    environment = {key: value for key, value in environment.items() if key != "APUS_RUN"}
    hello = b'{"type":"control_request","request_id":"apus-hello","request":{"subtype":"initialize"}}\n'
    began = time.perf_counter()
    with subprocess.Popen(arguments, env=environment, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as agent:
        agent.stdin.write(hello)
        agent.stdin.flush()
        while b'"control_response"' not in (line := agent.stdout.readline()):
            if not line:
                raise RuntimeError("the agent ended before it answered")
        took = (time.perf_counter() - began) * 1000
        agent.stdin.close()
        agent.stdout.read()
    return took


def new_rows(agent, what, rounds):
    with Home(agent) as home:
        first = home.apus("new", "first")  # asks the program's version once and for all
        order = read_launch_order((home.root / f"apus/runs/{first['id']}/1/launch").read_bytes())
        home.apus("stop", "first")
        numbers = iter(range(1000))

        def new():
            name = f"n{next(numbers)}"
            took = home.time(APUS, "new", name)
            home.apus("stop", name, "--now")
            return took

        ours, hand = pairs(rounds, new, lambda: by_hand(home, order))
        launch = launches(home, 20, APUS, "version")
    share = [one - other for one, other in zip(ours, hand)]
    return [
        Row(f"`apus new NAME`, {what}", "ms", ours, "the same command line by hand", hand),
        Row(f"own share, {what}: the difference", "ms", share, budget=Budget(
            50, f"of it {launch:.1f} ms are the launch of `apus`; the rest is the daemon's records (synced to the disk),"
            " the keeper's launch and the agent's slower start beside them")),
    ]


def new(rounds):
    """Creating a session: our own share"""
    rows = new_rows(harness.claude(), "real `claude`", rounds(12)) + new_rows(None, "an agent that answers at once", rounds(40))
    return Subject(rows, "Until the agent answered `initialize`: the whole process `apus new` against the very same"
                   " command line and environment started by hand (stream-json, `initialize` on its input). With the real"
                   " program the difference contains its own scatter; the agent that answers at once, a few lines of `sh`,"
                   " isolates what Apus adds.")


# ---------------------------------------------------------------------------------------------- daemon start


def daemon(rounds):
    """Daemon cold start"""
    with Home() as home:
        def up():
            home.apus("down")
            return home.time(APUS, "up")

        def tmux():
            if server := home.tmux_server():
                harness.kill(server)
                harness.wait_for_end(server)
            return home.time(*home.tmux("new-session", "-d", "sleep", "1000"))

        ours, peer = pairs(rounds(30), up, tmux)
        client = launches(home, 20, APUS, "version")
        server = launches(home, 20, str(harness.PROGRAMS / "apusd"), "usage")
    return Subject(
        [Row("`apus up`, no daemon running", "ms", ours, "`tmux new-session -d`, no server running", peer, Budget(
            50, f"launching the two programs alone takes {client + server:.1f} ms"))],
        f"Whole process, until the daemon answered. Of it {client:.1f} ms are the launch of `apus` and {server:.1f} ms that"
        " of `apusd` (each started with nothing to do); the rest opens two databases and the socket.")


# ------------------------------------------------------------------------------------------------------ list


def a_real_session(home):
    """A session that had two turns with the real program; its object and its transcript."""
    home.apus("new", "real", "--prompt", "say: hello", "--wait")
    home.apus("send", "real", "say: hello again", "--wait")
    session = home.apus("stop", "real") or home.apus("show", "real")
    return session, next((home.root / "home/.claude/projects").glob(f"*/{session['conversationID']}.jsonl"))


def listing(rounds):
    """List of 200 sessions"""
    program = harness.claude()
    with Home(program) as home:
        real = a_real_session(home)
        home.apus("down")
        trees.multiply(home, *real, count=189, size=230_000, directories=10)
        home.environment["APUS_CLAUDE"] = str(home.quick_agent)
        for number in range(10):
            home.apus("new", f"live-{number}")
        for number in range(200):
            subprocess.run(home.tmux("new-session", "-d", "-s", f"s{number}", "sleep", "1000"), env=home.environment, check=True)
        found = home.apus("list")
        if len(found) != 200 or sum(one["state"] == "running" for one in found) != 10:
            raise RuntimeError(f"list shows {len(found)} sessions")
        tmux = home.tmux("list-sessions")
        budget = Budget(15, f"the launch of `apus` alone takes {launches(home, 20, APUS, 'version'):.1f} ms")
        ours, peer = pairs(rounds(40), lambda: home.time(APUS, "list", "--json"), lambda: home.time(*tmux))
        text, again = pairs(rounds(40), lambda: home.time(APUS, "list"), lambda: home.time(*tmux))
        json, agents = pairs(rounds(8), lambda: home.time(APUS, "list", "--json"), lambda: home.time(program, "agents", "--json"))
    return Subject([
        Row("`apus list --json`", "ms", ours, "`tmux list-sessions`", peer, budget),
        Row("`apus list`", "ms", text, "`tmux list-sessions`", again, budget),
        Row("`apus list --json`", "ms", json, "`claude agents --json`", agents),
    ], "Whole process; 190 ended sessions with a transcript each and 10 live ones; every line carries a fresh verdict. tmux"
       " lists 200 live sessions; `claude agents` looks at what runs in the same home.")


# -------------------------------------------------------------------------------------------------- verdicts


def worker(home, stack):
    """The SDK in one warm process: a function that has it do something and returns milliseconds and a count."""
    process = stack.enter_context(subprocess.Popen(
        [harness.python(), harness.CHECKOUT / "Scripts/bench.d/sdk_worker.py"], cwd=home.work,
        env={**home.environment, "PYTHONPATH": harness.sdk_path()}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))

    def ask(line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        milliseconds, count = process.stdout.readline().split()
        return float(milliseconds), int(count)

    stack.callback(process.stdin.close)
    return ask


def check_tree(rounds, count, size):
    """Times of `apus check` of so many sessions: whole process and the daemon's own, not indexed and indexed; the SDK's."""
    with ExitStack() as stack:
        home = stack.enter_context(Home(harness.claude(), APUS_LOG_LEVEL="debug"))
        real = a_real_session(home)
        home.apus("down")
        size = trees.multiply(home, *real, count=count - 1, size=size, directories=50)
        sdk = worker(home, stack)
        log = home.root / "apus/apusd.log"
        times = {key: [] for key in ("first", "first own", "again", "again own", "sdk")}

        def check(key):
            verdicts = home.apus("check")
            resumable = sum(one["verdict"]["resumable"] for one in verdicts)
            if (len(verdicts), resumable) != (count, count):
                others = {one["verdict"]["reason"] for one in verdicts}
                print(f"bench: {resumable} of {len(verdicts)} resumable, reasons {others}", flush=True)

        def ask(key):
            began = log.stat().st_size
            times[key].append(home.time(APUS, "check", "--json"))
            said = re.findall(rf"verdicts: {count} in ([\d.]+) ms", log.read_text()[began:])
            times[key + " own"].append(float(said[-1]))

        def theirs():
            took, found = sdk("list")
            if found != count:
                raise RuntimeError(f"the SDK lists {found} sessions")
            times["sdk"].append(took)

        check("warm"), sdk("list")  # both have every page in the cache from here on
        for number in range(rounds):
            if number % 2:
                theirs()
            home.apus("restart")
            ask("first"), ask("again")
            if not number % 2:
                theirs()
    return times, size


def verdicts(rounds):
    """Verdicts"""
    rows, sdk = [], "SDK `list_sessions()`, warm process"
    for count, size, turns in ((2000, 230_000, 5), (10_000, 23_000, 4)):
        times, size = check_tree(rounds(turns), count, size)
        tree = f"{count:,} × {size // 1000} KB"
        faster = lambda why: Budget(1 / 20, why, of="ratio", text="≥ 20× faster") if count == 2000 else None
        each = [milliseconds * 1000 / count for milliseconds in times["again own"]]
        print_share = f"the verdicts take {median(times['again own']):.0f} ms of it, the rest is the answer's JSON and its way"
        rows += [
            Row(f"{tree}, first time: daemon's own", "ms", times["first own"], sdk, times["sdk"], faster(
                f"every byte of {count * size / 1e6:.0f} MB is read, the SDK reads the first and last 64 KB of each")),
            Row(f"{tree}, first time: `apus check --json`", "ms", times["first"], sdk, times["sdk"]),
            Row(f"{tree}, indexed: daemon's own", "ms", times["again own"], sdk, times["sdk"],
                faster("") or Budget(100, "each file is still asked for its size and time")),
            Row(f"{tree}, indexed: `apus check --json`", "ms", times["again"], sdk, times["sdk"], faster(print_share)),
        ]
        if count == 10_000:
            rows.append(Row(f"{tree}, indexed: each", "µs", each, budget=Budget(10, "each file is asked for size and time")))
    return Subject(rows, "The same tree in 50 project directories, made of a transcript the real program wrote, page cache warm."
                   " «First time» is after the start of the daemon, when nothing is indexed: every line of every file is"
                   " checked. The SDK looks at the head and tail of each file and gives no verdict.")


# ---------------------------------------------------------------------------------------------------- keeper


def keeper(rounds):
    """Keeper"""
    with Home() as home:
        numbers = iter(range(1000))
        environment = {"PATH": "/usr/bin:/bin", "APUS_BENCH": str(home.root)}
        alive = []

        def start(made):
            alive.append(made)
            return made.milliseconds

        ours, peer = pairs(rounds(40), lambda: start(Keeper(home.root / f"k{next(numbers)}", environment)),
                           lambda: start(Dtach(home.root / f"d{next(numbers)}", environment)))
        while len(alive) > 40:  # 20 of each stay for the next question
            alive.pop(0).end()
        time.sleep(0.2)
        keepers = [harness.pss(one.pid) for one in alive if isinstance(one, Keeper)]
        dtaches = [harness.pss(one.pid) for one in alive if isinstance(one, Dtach)]
        for one in alive:
            one.end()
    return Subject([
        Row(f"PSS, {len(keepers)} alive at once", "MB", keepers, "`dtach -n`", dtaches,
            Budget(3, "see the keeper's own mappings")),
        Row("launch until it answers", "ms", ours, "`dtach -n`", peer),
    ], "Each with `cat` for an agent, agent aside. The launch is from its start until it said so and its socket took a connection.")


# ----------------------------------------------------------------------------------------------- second turn


def turn(rounds):
    """A further turn"""
    with ExitStack() as stack:
        home = stack.enter_context(Home(harness.claude()))
        home.apus("new", "turns", "--prompt", "say: hi", "--wait")
        sdk = worker(home, stack)
        sdk("turn say: hi")
        ours, peer = pairs(rounds(20), lambda: home.time(APUS, "send", "turns", "say: hi", "--wait"),
                           lambda: sdk("turn say: hi")[0])
    return Subject([Row("`apus send NAME TEXT --wait`", "ms", ours, "SDK `query` + `receive_response`", peer)],
                   "The second and later turns of one run, the same program and model stub. Ours is a whole process, the SDK's"
                   " client is warm (reference: 37 to 68 ms).")


# ------------------------------------------------------------------------------------------------------ idle


def idle(rounds):
    """Daemon idle"""
    seconds = rounds(10)
    with Home() as home:
        for number in range(10):
            home.apus("new", f"idle-{number}")
            subprocess.run(home.tmux("new-session", "-d", "-s", f"s{number}", "cat"), env=home.environment, check=True)
        keepers = [one["keeperPID"] for one in home.apus("list")]
        ours, tmux = home.daemon(), home.tmux_server()
        time.sleep(1)  # what the commands above began is over
        watched = [ours, tmux, *keepers]
        before = [harness.wakeups(pid) for pid in watched]
        time.sleep(seconds)
        woken = [harness.wakeups(pid) - was for pid, was in zip(watched, before)]
        memory = harness.pss(ours), harness.pss(tmux)
    return Subject([
        Row("PSS of the daemon", "MB", [memory[0]], "tmux server", [memory[1]], Budget(25, "see the daemon's own mappings")),
        Row(f"wake-ups of the daemon in {seconds} s", "", [woken[0]], "tmux server", [woken[1]],
            Budget(0, "a timer or a descriptor wakes it: `strace -f -p` shows which")),
        Row(f"wake-ups of a keeper in {seconds} s", "", woken[2:]),
    ], "10 idle sessions, one process. A wake-up is a voluntary context switch of any thread.")


# ---------------------------------------------------------------------------------------------------- launch


def launch(rounds):
    """Process launch"""
    with Home() as home:
        rows = []
        for peer in (("tmux", "-V"), ("git", "--version"), ("/bin/true",)):
            ours, theirs = pairs(rounds(60), lambda: home.time(APUS, "version"), lambda: home.time(*peer))
            rows.append(Row("`apus version`", "ms", ours, f"`{' '.join(peer)}`", theirs))
    return Subject(rows, "Whole process as the measuring program sees it; `/bin/true` is the floor, and in every whole process above.")


ALL = {"new": new, "daemon": daemon, "list": listing, "verdicts": verdicts, "keeper": keeper, "turn": turn, "idle": idle,
       "launch": launch}
