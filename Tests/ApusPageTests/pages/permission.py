"""What an agent asks: shown in full, then answered."""
from harness import run, talk

LINES = [f"printf 'line {number} of <b>what</b> is asked\\n' >> out.txt" for number in range(1, 31)]
COMMAND = "\n".join(LINES)


def asks(house, page):
    region = page.get_by_role("region", name="Asks: Bash")
    house.sees("what it asks", region)
    return region


def steps(house):
    session = house.apus("new", "asker", "--here", json=True)
    page = house.visit(f"#/s/{session['id']}")
    house.say(page, f"bash: {COMMAND} then say: finished one")
    region = asks(house, page)
    shown = region.locator("pre").first
    house.check("the exact command is shown", shown.inner_text().strip() == COMMAND)
    order = shown.evaluate("""(pre, button) => pre.compareDocumentPosition(button) & Node.DOCUMENT_POSITION_FOLLOWING""",
                           region.get_by_role("button", name="Allow", exact=True).element_handle())
    house.check("before the buttons", order)
    house.check("all of it can be seen or scrolled to", whole(shown))
    house.sees("the list has it under Needs you", page.get_by_role("heading", name="Needs you"))
    house.check("the title says that somebody is needed", page.title().startswith("(1)"))
    house.axe(page, "what an agent asks")
    region.get_by_role("button", name="Allow", exact=True).click()
    house.sees("allowed, it goes on", talk(page).get_by_text("finished one", exact=True))
    house.misses("and nothing is asked any more", page.get_by_role("region", name="Asks: Bash"))
    house.check("the command ran", len(open(f"{house.work}/out.txt").readlines()) == 30)

    house.say(page, "bash: rm -r server then say: finished two")
    asks(house, page).get_by_role("button", name="Deny").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("not that <i>directory</i>")
    dialog.get_by_role("button", name="Deny", exact=True).click()
    house.misses("the question goes", dialog)
    house.sees("denied, it goes on without", talk(page).get_by_text("finished two", exact=True))
    house.check("the command did not run", "server" in house.git("ls-files") and open(f"{house.work}/server/a.txt"))
    house.check("the agent was told why", "not that <i>directory</i>" in house.apus("logs", "asker"))

    house.say(page, "bash: touch first.txt then say: finished three")
    region = asks(house, page)
    always = region.get_by_role("button", name="Always allow")
    house.sees("what for good means is said", region.get_by_text("also allows").first)
    always.click()
    house.sees("allowed for good, it goes on", talk(page).get_by_text("finished three", exact=True))
    house.say(page, "bash: touch first.txt then say: finished four")
    house.sees("and is not asked again", talk(page).get_by_text("finished four", exact=True))
    asked = [event for event in house.apus("events", "asker", "--json").splitlines() if '"permission.requested"' in event
             or '"permission.asked"' in event]
    house.check(f"it asked three times in all, not {len(asked)}", len(asked) == 3)


def whole(pre):
    """Whether all of it can be come to: no box around it cuts a part off that no box within that one scrolls to."""
    return pre.evaluate("""pre => {
      const end = pre.getBoundingClientRect().bottom;
      for (let box = pre; box && box !== document.body; box = box.parentElement) {
        const { overflowY } = getComputedStyle(box);
        if (['auto', 'scroll'].includes(overflowY)) return true;
        const isCut = box.scrollHeight > box.clientHeight + 1 && end > box.getBoundingClientRect().bottom + 1;
        if (isCut && ['hidden', 'clip'].includes(overflowY)) return false;
      }
      return true;
    }""")


run(steps)
