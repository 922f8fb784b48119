"""Everything without a mouse."""
from harness import expect, run, talk


def steps(house):
    for name in ("one", "two", "three"):
        house.apus("new", name, "--here")
    house.apus("send", "two", "ask: make clean")
    page = house.visit()
    expect(house.row(page, "two")).to_contain_text("needs you")
    press = page.keyboard.press
    press("j")
    expect(house.row(page, "two")).to_be_focused()
    house.check("j goes to the first, which needs somebody", True)
    press("j")
    press("k")
    expect(house.row(page, "two")).to_be_focused()
    house.check("k goes back", True)
    ring = house.row(page, "two").evaluate("""row => [row, row.parentElement].some(element => {
      const style = getComputedStyle(element);
      return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1 || style.boxShadow !== 'none';
    })""")
    house.check("one sees where one is", ring)
    press("a")
    house.sees("a opens what was not on the screen yet", page.get_by_role("heading", level=1, name="two"))
    house.sees("and shows it", page.get_by_role("region", name="Asks: Bash"))
    press("a")
    house.sees("a allows it then", talk(page).get_by_text("allowed", exact=True))
    house.apus("send", "two", "ask: rm -r build")
    house.sees("it asks again", page.get_by_role("region", name="Asks: Bash").get_by_text("rm -r build"))
    press("d")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox")).to_be_focused()
    page.keyboard.type("keep it")
    press("Tab")
    expect(dialog.get_by_role("button", name="Deny", exact=True)).to_be_focused()
    press("Enter")
    house.sees("d denies, with why", talk(page).get_by_text("denied: keep it", exact=True))
    house.misses("the question goes", dialog)

    press("m")
    message = page.get_by_role("textbox", name="Message")
    expect(message).to_be_focused()
    page.keyboard.type("say: jkadn?/")
    press("Enter")
    house.sees("m writes, and its letters are no commands", talk(page).get_by_text("jkadn?/", exact=True))
    press("Escape")
    press("Escape")
    house.sees("Escape leaves, to the list", page.get_by_role("navigation", name="Sessions"))
    house.check("nothing is open", page.url.endswith("#/"))

    press("?")
    house.sees("? shows the keys", page.get_by_role("dialog").get_by_text("next session"))
    house.axe(page, "the keys")
    press("Escape")
    house.misses("Escape closes them", page.get_by_role("dialog"))
    press("n")
    house.sees("n makes a session", page.get_by_role("heading", level=1, name="New session"))
    press("Escape")
    press("Escape")
    press("Control+k")
    search = page.get_by_role("banner").get_by_label("Search or command")
    expect(search).to_be_focused()
    page.keyboard.type("thr")
    option = page.get_by_role("option", name="three")
    house.sees("Ctrl-K finds sessions", option)
    house.axe(page, "the palette")
    press("Enter")
    house.sees("and goes there", page.get_by_role("heading", level=1, name="three"))
    press("/")
    page.keyboard.type("work log")
    press("ArrowDown")
    press("ArrowUp")
    press("Enter")
    house.sees("/ finds commands", page.get_by_role("heading", level=1, name="Work log"))
    press("f")
    expect(page.get_by_label("Filter sessions")).to_be_focused()
    page.keyboard.type("one")
    house.misses("f filters the list", house.row(page, "three"))
    reached(house, page)


def reached(house, page):
    """Tab alone comes to every kind of thing, and always shows where it is."""
    page.reload()
    house.live(page)
    house.go(page, "#/")
    seen, unseen = [], []
    for _ in range(24):
        page.keyboard.press("Tab")
        name, is_shown = page.evaluate("""() => {
          const element = document.activeElement;
          const style = getComputedStyle(element);
          const box = element.getBoundingClientRect();
          const shown = style.outlineStyle !== 'none' || style.boxShadow !== 'none' || style.borderColor !== '';
          return [element.getAttribute('aria-label') || element.textContent.slice(0, 20) || element.tagName,
                  shown && box.width > 0 && box.top < innerHeight];
        }""")
        seen.append(name)
        if not is_shown:
            unseen.append(name)
    house.check(f"the focus is always to be seen: {unseen}", not unseen)
    for wanted in ("Skip", "Search", "New session", "Locks"):
        house.check(f"Tab comes to {wanted}", any(wanted in name for name in seen))


run(steps)
