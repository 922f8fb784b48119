"""Who is let in."""
import re

from harness import expect, run


def steps(house):
    page = house.device().new_page()
    page.goto(house.base)
    house.sees("whoever is not signed in reads how to get in", page.get_by_text("apus open", exact=True))
    house.misses("no session is shown to them", page.get_by_role("navigation", name="Sessions"))
    house.axe(page, "the page nobody signed in to")

    code = house.code()
    page.goto(code)
    house.live(page)
    house.check("the code is gone from the address", "code" not in page.url)
    page.reload()
    house.live(page)
    house.check("the browser stays signed in", True)

    other = house.device().new_page()
    with house.expecting(r"status of 40[13]"):
        other.goto(code)
        house.sees("a code is good for one browser: a second is told", other.get_by_role("alert"))
    house.sees("and how to get in", other.get_by_text("apus open", exact=True))

    second = house.tab(page)
    with house.expecting(r"status of 401"):
        page.keyboard.press("?")
        page.get_by_role("dialog").get_by_role("button", name=re.compile("sign.*out", re.I)).click()
        house.sees("signing out leads back to the door", page.get_by_text("apus open", exact=True))
        house.sees("in every tab of that browser", second.get_by_text("apus open", exact=True))
    key = page.evaluate("localStorage.getItem('apus-key')")
    house.check("nothing of the key is left", not key)
    house.check("the daemon knows no browser any more", "browser" not in house.apus("token", "list"))
    page.goto(house.code())
    expect(page.get_by_role("navigation", name="Sessions")).to_be_visible()
    house.check("and one signs in again", True)


run(steps)
