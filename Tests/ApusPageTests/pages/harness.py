"""A browser in front of the daemon of a throw-away home.

    NAME.py ADDRESS

A script gives `run` its steps. Every page it opens is watched: errors on its console, scripts that fail, what its
Content-Security-Policy stopped, and requests to anything but that daemon are faults, whatever the steps look at. Each
check prints a line; the first that fails ends the script with what was wrong and pictures of all pages.
"""
import contextlib
import json
import os
import re
import subprocess
import sys
import time
import traceback
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, expect, sync_playwright

CHECKOUT = Path(__file__).resolve().parents[3]
SHOTS = CHECKOUT / ".build/page-shots"
SECONDS = float(os.environ.get("APUS_PAGE_SECONDS", "60"))
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]

# What a policy stopped is told to the page alone; told here as an error of its console.
WATCH = """addEventListener('securitypolicyviolation', event =>
  console.error(`CSP stopped ${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));"""


class Fault(Exception):
    """A check that failed."""


class House:
    """The daemon, the browser, and what was seen of both."""

    def __init__(self, playwright, name, address):
        self.name, self.address = name, address
        self.base = f"http://{address}"
        self.work, self.began = os.getcwd(), time.monotonic()
        self.faults, self.barriers, self.expected, self.devices = [], [], [], []
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        # None of the home's own variables: a browser is no process of it.
        environment = {name: os.environ[name] for name in ("HOME", "TMPDIR", "LANG", "PATH")}
        self.browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", env=environment,
            args=[*root, "--disable-dev-shm-usage", "--disable-component-update", "--force-color-profile=srgb"])
        expect.set_options(timeout=SECONDS * 1000)

    # ---- the home

    def apus(self, *arguments, check=True, **more):
        """What `apus …` printed; with `json=True` as an object."""
        wants_json = more.pop("json", False)
        done = subprocess.run(["apus", *arguments, *(["--json"] if wants_json else [])], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=SECONDS * 2, **more)
        if check and done.returncode:
            raise Fault(f"apus {' '.join(arguments)}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if wants_json else done.stdout

    def git(self, *arguments, directory=None):
        done = subprocess.run(["git", *arguments], cwd=directory or self.work, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, directory, file, text):
        """Writes that file there and commits it."""
        path = Path(directory, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.git("add", "--", file, directory=directory)
        self.git("commit", "--quiet", "-m", f"change {file}", directory=directory)

    def show(self, name):
        return self.apus("show", name, json=True)

    def code(self):
        """An address that lets one browser in."""
        return self.apus("open", "--print", json=True)["url"]

    # ---- pages

    def device(self, dark=False, phone=False, width=None):
        """A browser of its own: nobody is signed in there."""
        size = dict(PHONE if phone else WIDE)
        if width:
            size["width"] = width
        context = self.browser.new_context(
            viewport=size, color_scheme="dark" if dark else "light", has_touch=phone, is_mobile=phone,
            reduced_motion="reduce", locale="en-GB", timezone_id="UTC")
        context.set_default_timeout(SECONDS * 1000)
        context.add_init_script(WATCH)
        context.on("request", self.asked)
        context.on("page", self.watch)
        self.devices.append(context)
        return context

    def watch(self, page):
        page.on("console", lambda message: message.type == "error" and self.note(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.note(f"script: {error}"))
        page.on("crash", lambda _: self.note("the page crashed"))
        page.on("dialog", lambda dialog: (self.note(f"a dialog: {dialog.message}"), dialog.dismiss()))
        page.on("websocket", lambda socket: self.address == urlsplit(socket.url).netloc or self.note(f"asked {socket.url}"))

    def asked(self, request):
        if urlsplit(request.url).netloc != self.address:
            self.note(f"asked {request.url}")

    def note(self, fault):
        if not any(re.search(pattern, fault) for pattern in self.expected):
            self.faults.append(fault)

    @contextlib.contextmanager
    def expecting(self, *patterns):
        """What is said of these is no fault meanwhile, nor after it: it may be told late."""
        self.expected.extend(patterns)
        yield

    def visit(self, path="#/", device=None, **kind):
        """A page that is signed in, at that path."""
        device = device or self.device(**kind)
        page = device.new_page()
        page.goto(self.code())
        self.live(page)
        if path != "#/":
            self.go(page, path)
        return page

    def tab(self, page, path="#/"):
        """One more tab of that page's browser."""
        other = page.context.new_page()
        other.goto(f"{self.base}/{path}")
        self.live(other)
        return other

    def go(self, page, path):
        page.evaluate("path => { location.hash = path }", path)

    def live(self, page):
        expect(page.get_by_role("banner").get_by_role("status").filter(has_text="live").first).to_be_visible()

    # ---- looking

    def articles(self, page, who=""):
        """What the conversation shows as said, or by whom alone, once it is drawn."""
        page.evaluate("() => new Promise(requestAnimationFrame).then(() => new Promise(requestAnimationFrame))")
        said = [" ".join(text.split()) for text in talk(page).get_by_role("article").all_inner_texts()]
        return [text for text in said if text.startswith(who)]

    def check(self, what, value):
        if self.faults:
            raise Fault(f"before «{what}»: " + "; ".join(self.faults))
        if not value:
            raise Fault(f"not so: {what}")
        print(f"{time.monotonic() - self.began:5.1f} s  {what}", flush=True)

    def sees(self, what, locator, **how):
        """That is there, and can be seen."""
        try:
            expect(locator.first).to_be_visible(**how)
        except AssertionError as error:
            raise Fault(f"not to be seen: {what}: {error}") from None
        self.check(what, True)

    def misses(self, what, locator):
        """That goes, or is not there."""
        try:
            expect(locator).to_have_count(0)
        except AssertionError as error:
            raise Fault(f"still there: {what}: {error}") from None
        self.check(what, True)

    def until(self, what, holds):
        """Looks until it is so, where what is looked at is in no one element of the page; the page goes on meanwhile."""
        page = self.pages()[0]
        end = time.monotonic() + SECONDS
        while not (value := holds()):
            if time.monotonic() > end:
                raise Fault(f"not so in {SECONDS:.0f} s: {what}")
            page.wait_for_timeout(50)
        self.check(what, value)
        return value

    def axe(self, page, name):
        """axe-core's rules for WCAG 2.2 A and AA."""
        found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]})
        wrong = []
        for violation in found.response["violations"]:
            places = [" ".join(map(str, node["target"])) for node in violation["nodes"]]
            why = violation["nodes"][0].get("failureSummary", "").replace("\n", " ")
            wrong.append(f"{violation['id']} at {places[:6]}{' …' if len(places) > 6 else ''}: {why}")
        # Looked at to the end: one run tells what is wrong with all views.
        self.barriers += [f"axe, {name}: {one}" for one in wrong]
        self.check(f"axe has looked at {name}", True)

    def shot(self, page, name):
        SHOTS.mkdir(parents=True, exist_ok=True)
        path = SHOTS / f"{name}.png"
        page.screenshot(path=path, animations="disabled")
        return path

    def pages(self):
        return [page for device in self.devices for page in device.pages if not page.is_closed()]

    def row(self, page, name):
        """A session's row in the list."""
        pattern = re.compile(rf"^\W*{re.escape(name)}\b")
        return page.get_by_role("navigation", name="Sessions").get_by_role("link", name=pattern)

    def more(self, page, item):
        """Chooses that of the session's menu."""
        page.get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name=item).click()
        return page.get_by_role("dialog")

    def say(self, page, text):
        """Writes a message and sends it."""
        page.get_by_role("textbox", name="Message").fill(text)
        page.get_by_role("button", name="Send", exact=False).last.click()


def talk(page):
    return page.get_by_role("log", name="Conversation")


def run(steps):
    name = Path(sys.argv[0]).stem
    with sync_playwright() as playwright:
        house = House(playwright, name, sys.argv[1])
        try:
            steps(house)
            house.check("nothing else went wrong", True)
            if house.barriers:
                raise Fault("\n  ".join(house.barriers))
        except (Fault, AssertionError, Error, subprocess.SubprocessError) as error:
            where = next((frame for frame in reversed(traceback.extract_tb(error.__traceback__)) if name in frame.filename), None)
            print(f"FAILED {name}, line {where.lineno if where else '?'}: {str(error)[:4000]}", file=sys.stderr)
            if house.faults:
                print("faults of the page:", *house.faults, sep="\n  ", file=sys.stderr)
            for number, page in enumerate(house.pages()):
                with contextlib.suppress(Error):
                    print(f"as it looked: {house.shot(page, f'failed-{name}-{number}')} at {page.url}", file=sys.stderr)
            house.browser.close()
            sys.exit(1)
        house.browser.close()
