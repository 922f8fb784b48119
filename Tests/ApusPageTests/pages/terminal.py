"""A terminal in the page: typed into, and who leads it."""
import re

from harness import expect, run


def screen(page):
    """What the terminal shows, whatever draws it."""
    return page.get_by_role("region", name="Terminal").locator(".xterm-rows, .xterm-accessibility-tree").first


class Gate:
    """Between a page and its terminal: lets nothing through to the page until it is opened."""

    def __init__(self, device):
        self.page, self.kept, self.is_open = None, [], False
        device.route_web_socket(re.compile("/terminal[?]"), self.between)

    def between(self, page):
        self.page = page
        page.connect_to_server().on_message(self.hear)

    def hear(self, message):
        if self.is_open:
            self.page.send(message)
        else:
            self.kept.append(message)

    def open(self):
        self.is_open = True
        for message in self.kept:
            self.page.send(message)


def type_at(page, text):
    page.get_by_role("region", name="Terminal").locator(".xterm-helper-textarea").focus()
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def steps(house):
    session = house.apus("new", "shell", "--here", "--terminal", json=True)
    device = house.device()
    gate = Gate(device)
    page = house.visit(f"#/s/{session['id']}/terminal", device=device)
    house.sees("the terminal", page.get_by_role("region", name="Terminal"))
    expect(page.get_by_role("tab", name="Terminal")).to_have_attribute("aria-selected", "true")
    house.until("it is being attached", lambda: gate.kept)
    type_at(page, "echo typed $((6*7))")
    house.sees("it is typed before that is done", page.get_by_text("Attaching …"))
    gate.open()
    expect(screen(page)).to_contain_text("typed 42")
    house.check("what is typed is run and shown", True)
    house.check("by the very program", "typed 42" in house.apus("screen", "shell"))

    other = house.device()
    gate = Gate(other)
    second = house.visit(f"#/s/{session['id']}/terminal", device=other)
    house.until("another comes", lambda: gate.kept)
    type_at(second, "echo early")
    gate.open()
    house.sees("who typed too early for one that is led is told", second.get_by_text("You only watch"))
    expect(screen(second)).to_contain_text("typed 42")
    house.check("who comes then sees what is there", True)
    lead = second.get_by_role("button", name="Take the lead")
    house.sees("and may take the lead", lead)
    lead.click()
    house.sees("which the first then has no more", page.get_by_role("button", name="Take the lead"))
    type_at(second, "echo second $((40+2)); stty size")
    expect(screen(second)).to_contain_text("second 42")
    expect(screen(page)).to_contain_text("second 42")
    house.check("both see what the new lead types", True)
    type_at(page, "echo never")
    type_at(second, "echo again")
    expect(screen(second)).to_contain_text("again")
    seen = house.apus("screen", "shell")
    house.check("whoever watches cannot type", "never" not in seen and "early" not in seen)
    house.axe(second, "a terminal")

    page.keyboard.press("Escape")
    house.check("keys of a terminal are the terminal's", "/terminal" in page.url)
    house.go(page, f"#/s/{session['id']}/activity")
    house.sees("another tab", page.get_by_role("log", name="Activity"))
    page.get_by_role("tab", name="Terminal").click()
    expect(screen(page)).to_contain_text("second 42")
    house.check("one comes back to the same", True)
    type_at(second, "exit 3")
    house.sees("its end is shown", page.get_by_text(re.compile("ended", re.I)).first)
    house.until("and is one", lambda: house.show("shell")["state"] == "ended")


run(steps)
