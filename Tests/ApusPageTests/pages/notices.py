"""Notifications: told while one looks elsewhere, not told while one looks at the very session; the title counts."""
import re

from harness import expect, run

# What the browser would show is written down; whether one looks at the page is said by the script.
WATCH = """() => {
  window.shown = [];
  window.looking = true;
  if (window.ServiceWorkerRegistration) ServiceWorkerRegistration.prototype.showNotification = async (title, options) => { shown.push([title, options.body]); };
  window.Notification = class { constructor(title, options) { shown.push([title, options.body]); } };
  Notification.permission = 'granted';
  Notification.requestPermission = async () => 'granted';
  document.hasFocus = () => window.looking;
}"""


def steps(house):
    device = house.device()
    device.grant_permissions(["notifications"], origin=house.base)
    device.add_init_script(f"({WATCH})()")
    one = house.apus("new", "one", "--here", json=True)
    house.apus("new", "two", "--here")
    page = house.visit(f"#/s/{one['id']}", device=device)

    def shown():
        return page.evaluate("() => shown")

    house.apus("send", "two", "ask: rm -r build")
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    house.check("nobody is told who did not ask for it", shown() == [])
    house.apus("permit", "two", "deny")
    expect(page).to_have_title(re.compile(r"^one"))

    page.get_by_role("button", name="Keys and settings").click()
    page.get_by_role("dialog").get_by_role("checkbox", name=re.compile("needs me")).check()
    page.keyboard.press("Escape")
    house.apus("send", "two", "ask: rm -r other")
    house.until("another session's need is told", lambda: len(shown()) == 1)
    house.check("by its name and what it wants", shown()[0] == ["two needs you", 'Bash "rm -r other"'])
    house.apus("send", "one", "ask: rm -r mine")
    house.sees("what one looks at is on the screen", page.get_by_role("region", name="Asks: Bash"))
    house.check("and is not told", len(shown()) == 1)
    house.apus("permit", "one", "allow")
    house.misses("answered", page.get_by_role("region", name=re.compile("^Asks")))
    page.evaluate("() => { window.looking = false }")
    house.apus("send", "one", "ask: rm -r again")
    house.until("the same session is told while one looks elsewhere", lambda: len(shown()) == 2)
    house.check("once", shown()[1][0] == "one needs you")


run(steps)
