"""What a session changed, and a comment on it."""
import os
from pathlib import Path

from harness import expect, run, talk

BEFORE = "".join(f"line {number} of the first file\n" for number in range(1, 61))


def steps(house):
    house.commit(house.work, "server/long.txt", BEFORE)
    session = house.apus("new", "editor", "--permission-mode", "acceptEdits", json=True)
    place = Path(session["directory"])
    after = BEFORE.replace("line 3 of the first file", "line 3 of the very first file").replace("line 40 of", "row 40 of")
    (place / "server/long.txt").write_text(after)
    page = house.visit(f"#/s/{session['id']}")
    house.say(page, f"edit {place}/ui/new.txt: made by the agent then say: edited")
    house.sees("the agent edits", talk(page).get_by_text("edited", exact=True))
    call = talk(page).get_by_role("button", name="Write")
    expect(call).to_contain_text("+1")
    call.click()
    house.sees("what it wrote is in its call", talk(page).get_by_text("made by the agent").first)

    page.get_by_role("tab", name="Changes").click()
    region = page.get_by_role("region", name="server/long.txt")
    house.sees("a changed file", region)
    house.sees("a new one that git does not know", page.get_by_role("region", name="ui/new.txt"))
    added, gone = region.locator(".add"), region.locator(".del")
    expect(added).to_have_count(2)
    expect(gone).to_have_count(2)
    marks = added.first.locator("mark").all_inner_texts()
    house.check(f"the words that differ are marked: {marks}", "".join(marks).strip() == "very")
    house.check("lines around are shown, the rest is not", 4 <= region.locator(".same").count() < 40)
    house.axe(page, "changes")

    region.get_by_role("button", name="Comment").first.click()
    box = region.get_by_role("textbox", name="Comment")
    expect(box).to_be_focused()
    box.fill("say: I read your comment")
    region.get_by_role("button", name="Send to agent").click()
    house.until("the comment reaches the agent, with what it is about", lambda: all(
        part in house.apus("logs", "editor") for part in ("server/long.txt", "very first file", "say: I read your comment")))
    house.misses("and the form goes", region.get_by_role("textbox", name="Comment"))
    page.get_by_role("tab", name="Conversation").click()
    house.sees("it is in the conversation", talk(page).get_by_text("say: I read your comment").first)

    page.get_by_role("tab", name="Changes").click()
    os.remove(place / "ui/new.txt")
    (place / "server/long.txt").write_text(BEFORE.replace("line 50 of", "row 50 of"))
    house.until("the session is seen to change", lambda: region.locator(".del").count() == 1
                and "line 50" in region.locator(".del").inner_text())
    house.misses("what is undone is shown no more", page.get_by_role("region", name="ui/new.txt"))
    (place / "server/long.txt").write_text(BEFORE)
    house.misses("with nothing changed, no file", page.get_by_role("region", name="server/long.txt"))
    house.axe(page, "no changes")


run(steps)
