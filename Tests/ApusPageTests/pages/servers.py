"""A development server: its state, its log as it comes, reload and hold."""
import re
import subprocess
from pathlib import Path

from harness import SECONDS, expect, run

SERVER = """import http.server, os
print(open("words").read(), "<b>bold</b>")
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.BaseHTTPRequestHandler).serve_forever()
"""


def steps(house):
    words = Path(house.work, "words")
    words.write_text("first line")
    Path(house.work, "server.py").write_text(SERVER)
    page = house.visit("#/servers")
    main = page.get_by_role("main")
    house.sees("without servers, the command that runs one", main.get_by_text("apus dev").first)
    house.axe(page, "no servers")
    server = subprocess.Popen(
        ["apus", "dev", "--name", "api", "--stop-limit", "500ms", "--settle", "20ms", "--no-reload", "--", "python3", "-u",
         "server.py"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        house.sees("a server appears", main.get_by_text("api", exact=True).first)
        house.sees("with its state", main.get_by_text(re.compile("healthy|running")).first)
        house.axe(page, "servers")
        if not main.get_by_text("first line").count():
            main.get_by_role("link", name=re.compile("api")).first.click()
        house.sees("its log", main.get_by_text("first line").first)
        house.sees("as it is", main.get_by_text("<b>bold</b>").first)
        house.axe(page, "a server")
        words.write_text("second line")
        house.sees("a change is counted", main.get_by_text(re.compile(r"\b1 change|1 of 1|change 1|not loaded|behind", re.I)).first)
        main.get_by_role("button", name="Reload").click()
        house.sees("reloaded, its log goes on", main.get_by_text("second line").first)
        main.get_by_role("button", name="Hold").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("textbox").first.fill("a demo runs")
        dialog.get_by_role("button", name="Hold").click()
        house.until("held", lambda: any(hold.get("name") for hold in holds(house)))
        release = main.get_by_role("button", name="Release")
        house.sees("a hold is shown, and let go", release)
        release.click()
        house.until("let go of", lambda: not holds(house))
        expect(main.get_by_role("button", name="Hold")).to_be_visible()
        house.check("and can be held again", True)
        house.apus("dev", "stop", "api")
        server.wait(SECONDS)
        house.until("ended, it is said", lambda: re.search("stopped|ended|no such server|apus dev", main.inner_text(), re.I))
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait(SECONDS)


def holds(house):
    found = house.apus("dev", "status", json=True)
    return [hold for server in found for hold in server.get("holds", [])]


run(steps)
