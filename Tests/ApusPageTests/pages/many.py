"""Two hundred sessions, and a conversation of fifty thousand lines."""
from harness import expect, run, talk
from records import converse, multiply

LINES = 50_000
# How many of these are in the document at most while it is scrolled to its end, screen by screen.
SCROLL = """async ([box, rows, names]) => {
  const scroller = [...document.querySelectorAll(box)].find(one => one.scrollHeight > one.clientHeight);
  let most = 0;
  const seen = new Set();
  for (let top = 0; ; top += scroller.clientHeight / 2) {
    scroller.scrollTop = top;
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    const found = [...document.querySelectorAll(rows)];
    most = Math.max(most, found.length);
    if (names) for (const row of found) seen.add(row.getAttribute('href'));
    if (top >= scroller.scrollHeight - scroller.clientHeight || top > 100000) return { most, seen: seen.size };
  }
}"""


def steps(house):
    house.apus("new", "ended", "--here", "--prompt", "say: an answer", "--wait")
    house.apus("stop", "ended")
    multiply(house, "ended", 196)
    for name in ("one", "two"):
        house.apus("new", name, "--here")
    house.apus("new", "asks", "--here", "--prompt", "ask: make all")
    house.check("there are two hundred sessions", len(house.apus("list", json=True)) == 200)

    page = house.visit()
    nav = page.get_by_role("navigation", name="Sessions")
    house.sees("what needs somebody is first", house.row(page, "asks"))
    links = nav.get_by_role("link")
    expect(links.first).to_contain_text("asks")
    house.check(f"{links.count()} rows are in the document", 5 < links.count() < 80)
    found = page.evaluate(SCROLL, ["nav[aria-label=Sessions] *", "nav[aria-label=Sessions] a", True])
    house.check(f"at most {found['most']} while it is scrolled", found["most"] < 80)
    house.check(f"all are seen on the way: {found['seen']}", found["seen"] >= 200)
    page.get_by_label("Filter sessions").fill("many-150")
    house.sees("the filter finds one of them", house.row(page, "many-150"))
    house.check("and no other", links.count() == 1)
    page.get_by_label("Filter sessions").fill("")
    page.keyboard.press("Escape")
    for _ in range(30):
        page.keyboard.press("j")
    focused = page.evaluate("document.activeElement.getAttribute('href') || document.activeElement.tagName")
    house.check(f"j goes on beyond what was in the document: {focused}", focused.startswith("#/s/"))
    house.axe(page, "two hundred sessions")

    paragraph = "\n".join(f"- line {{}} of what was said" for _ in range(10))
    texts = [paragraph.format(*range(first, first + 10)) for first in range(1, LINES, 10)]
    with house.expecting(r"ERR_", r"net::", r"status of 503"):
        session = converse(house, "ended", texts)
        house.live(page)
    house.go(page, f"#/s/{session['id']}")
    house.sees("it begins with its end", talk(page).get_by_text(f"line {LINES} of what was said"))
    count = "document.querySelectorAll('main [role=log] *').length"
    house.check(f"{page.evaluate(count)} elements of it are in the document", page.evaluate(count) < 3000)
    talk(page).evaluate("log => { (log.scrollHeight > log.clientHeight ? log : log.firstElementChild).scrollTop = 0; }")
    house.sees("its beginning can be scrolled to", talk(page).get_by_text("an answer", exact=True))
    house.check("still only what can be seen is there", page.evaluate(count) < 3000)


run(steps)
