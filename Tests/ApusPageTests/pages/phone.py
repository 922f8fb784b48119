"""On a phone."""
import re

from harness import expect, run, talk

# What can be pressed and is smaller than a fingertip, WCAG 2.5.8: of links in a line of text nothing is asked.
SMALL = """() => [...document.querySelectorAll('button, a[href], input, select, textarea, [role=button], [role=tab]')]
  .filter(element => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
  .filter(element => !element.closest('.skip, .unseen, p, li > span, .markdown') && getComputedStyle(element).display !== 'inline')
  .map(element => {
    const boxes = [element, element.closest('label') || element].map(one => one.getBoundingClientRect());
    return { element, box: { width: Math.max(...boxes.map(one => one.width)), height: Math.max(...boxes.map(one => one.height)) } };
  })
  .filter(({ box }) => box.width && box.height && (box.width < 24 || box.height < 24))
  .map(({ element, box }) => `${element.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)"""
WIDER = "() => document.documentElement.scrollWidth - innerWidth"


def fits(house, page, name):
    house.check(f"{name}: nothing is wider than the screen", page.evaluate(WIDER) <= 0)
    height = page.get_by_role("banner").first.bounding_box()["height"]
    house.check(f"{name}: what is above takes {height:.0f} pixels", height <= 64)
    small = page.evaluate(SMALL)
    house.check(f"{name}: nothing is too small to be touched: {small}", not small)


def steps(house):
    for number in range(8):
        house.apus("new", f"session-{number}", "--here", "--tag", "a-rather-long-tag-of-this-session")
    first = house.show("session-0")
    house.apus("send", "session-0", "ask: " + " ".join(["rm -r build/that/is/rather/long"] * 12))
    page = house.visit(phone=True)
    nav = page.get_by_role("navigation", name="Sessions")
    house.sees("first the list", nav)
    expect(page.get_by_role("main")).to_be_hidden()
    fits(house, page, "the list")
    house.row(page, "session-0").tap()
    house.sees("then the session", page.get_by_role("heading", level=1, name="session-0"))
    expect(nav).to_be_hidden()
    fits(house, page, "a session")
    region = page.get_by_role("region", name=re.compile("Asks"))
    for name in ("Allow", "Deny"):
        button = region.get_by_role("button", name=name, exact=name == "Allow")
        box = button.bounding_box()
        house.check(f"{name} is in reach of a thumb: {box}", box["y"] > 844 * 0.4 and box["y"] + box["height"] <= 844
                    and box["height"] >= 24)
    region.get_by_role("button", name="Allow", exact=True).tap()
    house.sees("touched, it is allowed", talk(page).get_by_text("allowed").first)
    house.say(page, "say: from a phone")
    house.sees("a message is sent", talk(page).get_by_text("from a phone", exact=True))
    box = page.get_by_role("textbox", name="Message").bounding_box()
    house.check("one writes at the bottom", box["y"] + box["height"] > 844 * 0.8)
    for tab in ("Changes", "Activity"):
        page.get_by_role("tab", name=tab).tap()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        fits(house, page, tab)
    page.get_by_role("link", name="All sessions").tap()
    house.sees("and back to the list", nav)
    page.get_by_role("button", name="New session").tap()
    house.sees("a form", page.get_by_role("heading", level=1, name="New session"))
    fits(house, page, "the form")
    page.go_back()
    house.sees("the browser's own way back", nav)
    for name in ("Locks", "Claims", "Conflicts", "Servers", "Work log"):
        page.get_by_role("navigation", name="Together").get_by_role("link", name=name).tap()
        house.sees(name, page.get_by_role("heading", level=1, name=name))
        fits(house, page, name)
        page.go_back()
    house.go(page, f"#/s/{first['id']}")
    page.set_viewport_size({"width": 360, "height": 640})
    house.sees("a small one", page.get_by_role("heading", level=1, name="session-0"))
    fits(house, page, "a small phone")


run(steps)
