"""The page beside a plain one that puts the same rows into the document: paint, bytes, scrolling, memory."""
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import doors
import harness
import trees
from harness import Home, turns
from report import Budget, Row, Subject

# What the page's own tests furnish a home with. Behind all else: names there are not those here.
sys.path.append(str(harness.CHECKOUT / "Tests/ApusPageTests/pages"))
import records  # noqa: E402

SESSIONS, LINES, ROWS = 200, 50_000, "nav a"

# The same sessions and the same conversation, all of it in the document; what streams is put at its end as it comes.
PEER = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sessions</title>
<style>
body { margin: 0; display: flex; height: 100vh; font: 14px system-ui, sans-serif }
nav { width: 300px; overflow-y: auto } nav a { display: block; padding: 8px; height: 36px } main { flex: 1; overflow-y: auto }
article { padding: 6px 12px; white-space: pre-wrap }
</style>
<nav></nav><main></main>
<script>
const get = async name => (await fetch(name)).json();
const row = (box, tag, ...texts) => {
  const made = document.createElement(tag);
  for (const text of texts) made.append(Object.assign(document.createElement('span'), { textContent: text }), ' ');
  box.append(made);
  return made;
};
const [nav, main] = ['nav', 'main'].map(name => document.querySelector(name));
(async () => {
  for (const one of await get('sessions.json')) row(nav, 'a', one.name, one.activity, one.doing || '', one.branch || '').href = '#' + one.id;
  if (location.hash === '#talk') {
    for (const event of await get('events.json')) if (event.type === 'said') row(main, 'article', event.detail.text);
  }
  if (location.hash === '#stream') {
    row(main, 'article', 'ready');
    const { words, seconds } = await get('stream.json');
    let at = 0;
    const began = performance.now();
    setInterval(() => {
      const due = Math.min(words.length, (performance.now() - began) / seconds / 1000 * words.length);
      while (at < due) { main.lastChild.append(row(main.lastChild, 'span', words[at] + ' ')); at += 1; }
      main.scrollTop = main.scrollHeight;
    }, 16);
  }
})();
</script></html>
"""


class Browser:
    """The driver, a question at a time."""

    def __init__(self, stack, home):
        # None of the home's own variables: what ends a home must not take the browser for a part of it.
        environment = {name: home.environment[name] for name in ("HOME", "TMPDIR", "PATH", "LANG")}
        driver = Path(__file__).with_name("page_driver.py")
        self.process = stack.enter_context(subprocess.Popen(
            [harness.python(), "-B", driver], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        stack.callback(self.process.stdin.close)
        self.version = self.hear()["version"]

    def say(self, do, **ask):
        self.process.stdin.write(json.dumps({"do": do, **ask}) + "\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the browser ended")
        return json.loads(line)

    def ask(self, do, **ask):
        self.say(do, **ask)
        return self.hear()


def talk(home, session):
    """Fifty thousand lines more in that session's conversation, ten at a time; the daemon is down."""
    records.say(home.root / "apus", session, ("\n".join(
        f"line {number * 10 + line} of what was said about the parser and its tests" for line in range(1, 11))
        for number in range(LINES // 10)))


def plain(stack, door, session, words, seconds):
    """The peer, served by Python's own server from a directory that goes with it."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="apus-bench-page-")))
    files = {"sessions": door.get("/v1/sessions?limit=1000"), "events": door.get(f"/v1/sessions/{session['id']}/events?limit=10000"),
             "stream": {"words": words, "seconds": seconds}}
    for name, value in files.items():
        (directory / f"{name}.json").write_text(json.dumps(value))
    (directory / "index.html").write_text(PEER)
    port = harness.free_port()
    process = subprocess.Popen(["python3", "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", directory],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(lambda: (process.kill(), process.wait()))
    url = f"http://127.0.0.1:{port}/"
    until = time.monotonic() + 20
    while True:
        try:
            doors.Door(port, "", 0).get("/sessions.json")
            return url
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def furnish(home):
    """Two hundred sessions, four of them live; one that ended said fifty thousand lines, one is there to be streamed to."""
    home.apus("new", "real", "--here", "--prompt", "say: hello", "--wait")
    home.apus("send", "real", "say: hello again", "--wait")
    home.apus("stop", "real")
    real = home.apus("show", "real")
    transcript = next((home.root / "home/.claude/projects").glob(f"*/{real['conversationID']}.jsonl"))
    home.apus("down")
    trees.multiply(home, real, transcript, count=SESSIONS - 4, size=20_000, directories=10)
    talk(home, real)
    home.apus("up")
    live = [home.apus("new", f"live-{number}", "--here") for number in range(3)]
    if len(home.apus("list")) != SESSIONS:
        raise RuntimeError(f"there are {len(home.apus('list'))} sessions")
    return real, live[0]


def measure(browser, name, ours, peer, rounds, **ask):
    """The same question to both, in turns."""
    return turns(rounds, lambda: browser.ask(name, **ask, **ours), lambda: browser.ask(name, **ask, **peer))


def frames(found):
    """Frames a second, and the 99th of a hundred in milliseconds."""
    times = [sorted(one["frames"]) for one in found]
    return [1000 / statistics.fmean(one) for one in times], [one[int(len(one) * 0.99)] for one in times]


def scrolled(what, mine, theirs, name):
    (ours, slow), (others, slower) = frames(mine), frames(theirs)
    missed = [[max(0, 100 - one / 60 * 100) for one in both] for both in (ours, others)]
    return [
        Row(f"{what}, frames", "1/s", ours, name, others),
        Row(f"{what}, frames that 60 a second miss", "%", missed[0], name, missed[1], Budget(2, "the machine's two cores also run the browser's painting")),
        Row(f"{what}, 99th frame of a hundred", "ms", slow, name, slower),
        Row(f"{what}, elements in the document", "", [one["elements"] for one in mine], name, [one["elements"] for one in theirs]),
    ]


def page(scaled):
    """The page, with 200 sessions and 50,000 lines"""
    rounds = scaled(8)
    seconds = 3 if rounds > 3 else 2
    name = "plain page, http.server"
    words = [f"word{number}" for number in range(2000)] + ["theend"]
    with Home(harness.claude()) as home, ExitStack() as stack:
        real, live = furnish(home)
        door = doors.ours(home)
        browser = Browser(stack, home)
        base = f"http://127.0.0.1:{door.port}/"
        state = browser.ask("sign_in", url=home.apus("open", "--print")["url"], until=ROWS)["state"]
        said = 5 * seconds
        url = plain(stack, door, real, words, said)

        first = measure(browser, "paint", {"url": base, "state": state}, {"url": url}, rounds, rows=ROWS, count=10)
        rows = [
            Row("first useful paint: ten sessions to be seen", "ms", [one["milliseconds"] for one in first[0]], name,
                [one["milliseconds"] for one in first[1]], Budget(300, "")),
            Row("transferred for the first view", "KB", [one["bytes"] / 1000 for one in first[0]], name,
                [one["bytes"] / 1000 for one in first[1]], Budget(400, "")),
        ]
        found = measure(browser, "scroll", {"url": base, "state": state}, {"url": url}, max(3, rounds // 2), rows=ROWS, until=ROWS,
                        seconds=seconds)
        rows += scrolled("the list scrolled", *found, name)
        mine = {"url": f"{base}#/s/{real['id']}/conversation", "rows": "main [role=log] article", "until": "main [role=log] article"}
        theirs = {"url": f"{url}#talk", "rows": "main article", "until": f"main article:nth-child({LINES // 10})"}
        found = measure(browser, "scroll", {**mine, "state": state}, theirs, max(3, rounds // 2), seconds=seconds)
        rows += scrolled("50,000 lines scrolled", *found, name)
        rows.append(Row("JavaScript's heap then", "MB", [one["heap"] for one in found[0]], name, [one["heap"] for one in found[1]]))

        grown = [[], []]
        for number in range(max(2, rounds // 3)):
            browser.say("stream", url=f"{base}#/s/{live['id']}/conversation", state=state, until="main [role=tabpanel]", last=f"theend{number}")
            browser.hear()
            home.apus("send", live["name"], f"slow {said}: {' '.join(words)}{number}", "--wait")
            own = browser.hear()
            browser.say("stream", url=f"{url}#stream", until="main article", last="theend")
            browser.hear()
            other = browser.hear()
            grown[0].append(own["after"] - own["before"])
            grown[1].append(other["after"] - other["before"])
        rows.append(Row(f"heap grown while {len(words):,} words were said in {said} s", "MB", grown[0], name, grown[1]))
    return Subject(rows, f"Chromium {browser.version}, headless, 1280×800, on the same two cores, a new browser profile each time; both"
                   f" over loopback. Ours is signed in, checks the verdict of all {SESSIONS} sessions and follows their events; the peer"
                   " reads the same objects from files, uncompressed, and puts every row into the document. Scrolling is by frame,"
                   " four screens a second. The heap is what is left after garbage was collected.")


ALL = {"page": page}
