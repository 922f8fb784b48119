"""Every view: axe-core's rules, and a picture of it, light and dark, wide and on a phone."""
import subprocess
from pathlib import Path

from harness import SECONDS, expect, run

SERVER = """import http.server, os
print("serving the shop", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.BaseHTTPRequestHandler).serve_forever()
"""
ANSWER = """say: I read `server/parser.py` and found **two** causes:

1. the feed's date is read in the wrong order,
2. an empty entry ends the loop.

```python
for entry in feed:
    if not entry: continue
```

| case | before | now |
|---|---|---|
| empty entry | stops | goes on |

See [the format](https://example.org/rss)."""


def furnish(house):
    """A home as one finds it in the middle of a day."""
    made = {}
    for name, component, kind in (("fix-parser", "server", "bug"), ("improve-feeds", "ui", "feature"), ("update-docs", "docs", "docs")):
        made[name] = house.apus("new", name, "--component", component, "--kind", kind, "--tag", "today", json=True)
    house.apus("send", "fix-parser", "fix the RSS parser on this branch", "--wait")
    house.apus("send", "fix-parser", ANSWER, "--wait")
    house.apus("new", "redis-cache", "--here", "--prompt", "say: done", "--wait")
    house.apus("stop", "redis-cache")
    house.apus("new", "add-auth", "--here", "--prompt", "ask: docker compose up -d --build api\nrm -r build")
    house.commit(house.work, "server/parser.py", "".join(f"entry = read({n})\n" for n in range(40)))
    place = Path(made["fix-parser"]["directory"])
    house.git("merge", "--quiet", "--ff-only", "main", directory=place)
    text = (place / "server/parser.py").read_text()
    (place / "server/parser.py").write_text(text.replace("entry = read(7)", "entry = read(7) or Entry()").replace("read(30)", "parse(30)"))
    (place / "server/new.py").write_text("class Entry:\n    pass\n")
    for name in ("fix-parser", "improve-feeds"):
        house.commit(made[name]["directory"], "shared.txt", f"one\n{name}\nthree\n")
    house.apus("lock", "acquire", "docker", "--session", "improve-feeds", "--note", "api, task-worker")
    house.apus("lock", "acquire", "docker", "--session", "fix-parser", "--later", check=False)
    house.apus("claim", "add", "server/parser.py", "--session", "fix-parser")
    Path(house.work, "server.py").write_text(SERVER)
    return made


def views(house, made):
    fixed, asking = made["fix-parser"]["id"], house.show("add-auth")["id"]
    yield "home", "#/", lambda main: main.get_by_role("heading", level=1)
    yield "conversation", f"#/s/{fixed}/conversation", lambda main: main.get_by_text("See the format")
    yield "changes", f"#/s/{fixed}/changes", lambda main: main.get_by_role("region", name="server/parser.py").locator(".add")
    yield "activity", f"#/s/{fixed}/activity", lambda main: main.get_by_role("log", name="Activity").get_by_text("turn.ended")
    yield "permission", f"#/s/{asking}/conversation", lambda main: main.get_by_role("region", name="Asks: Bash")
    yield "locks", "#/locks", lambda main: main.get_by_text("api, task-worker")
    yield "claims", "#/claims", lambda main: main.get_by_text("server/parser.py")
    yield "conflicts", "#/conflicts", lambda main: main.get_by_role("button", name="fix-parser")
    yield "servers", "#/servers", lambda main: main.get_by_text("healthy")
    yield "worklog", "#/worklog", lambda main: main.get_by_role("heading", name="fix-parser")
    yield "new", "#/new", lambda main: main.get_by_role("heading", level=1, name="New session")


def steps(house):
    made = furnish(house)
    server = subprocess.Popen(
        ["apus", "dev", "--name", "api", "--stop-limit", "500ms", "--no-reload", "--", "python3", "-u", "server.py"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for dark in (False, True):
            for phone in (False, True):
                page = house.visit(dark=dark, phone=phone)
                look = f"{'dark' if dark else 'light'}-{'phone' if phone else 'wide'}"
                for name, path, mark in views(house, made):
                    house.go(page, path)
                    # One view that is not there keeps nobody from looking at the others.
                    try:
                        expect(seen(page) if phone and name == "home" else mark(page.get_by_role("main")).first).to_be_visible()
                    except AssertionError as error:
                        house.barriers.append(f"{name} {look} is not to be seen: {str(error).split('Aria')[0]}")
                    house.shot(page, f"{name}-{look}")
                    house.axe(page, f"{name} {look}")
                page.context.close()
                house.devices.remove(page.context)
    finally:
        server.terminate()
        server.wait(SECONDS)


def seen(page):
    return page.get_by_role("navigation", name="Sessions")


run(steps)
