"""Stopped, resumed, forked, renamed, archived."""
from harness import expect, run, talk


def steps(house):
    session = house.apus("new", "worker", "--here", "--prompt", "say: before it ended", "--wait", json=True)
    page = house.visit(f"#/s/{session['id']}")
    house.sees("what was said", talk(page).get_by_text("before it ended", exact=True))

    dialog = house.more(page, "Stop")
    house.axe(page, "the question whether to stop")
    dialog.get_by_role("button", name="Stop", exact=True).click()
    house.misses("the question goes", page.get_by_role("dialog"))
    house.sees("it stands below Ended", page.get_by_role("heading", name="Ended"))
    house.check("its run ended", house.show("worker")["state"] == "ended")
    house.sees("that it can be resumed is said", page.get_by_role("main").get_by_text("resumable").first)

    dialog = house.more(page, "Resume")
    dialog.get_by_role("textbox").fill("say: and after")
    dialog.get_by_role("button", name="Resume", exact=True).click()
    house.sees("resumed, it answers", talk(page).get_by_text("and after", exact=True))
    house.sees("below what was said before", talk(page).get_by_text("before it ended", exact=True))
    house.check("in a second run", house.show("worker")["run"] == 2)

    dialog = house.more(page, "Fork")
    dialog.get_by_label("Name of the copy").fill("copy")
    dialog.get_by_label("What it is to do").fill("say: only in the copy")
    dialog.get_by_role("button", name="Fork", exact=True).click()
    house.sees("a copy opens", page.get_by_role("heading", name="copy", level=1))
    house.sees("which answers", talk(page).get_by_text("only in the copy", exact=True))
    house.sees("and remembers", talk(page).get_by_text("before it ended", exact=True))

    dialog = house.more(page, "Rename or tag")
    dialog.get_by_label("Name").fill("copied")
    dialog.get_by_label("Tags").fill("later nice")
    dialog.get_by_role("button", name="Save").click()
    house.sees("it is called otherwise", page.get_by_role("heading", name="copied", level=1))
    house.sees("and tagged", page.get_by_role("main").get_by_text("#nice"))

    house.row(page, "worker").click()
    house.sees("the first is there as before", page.get_by_role("heading", name="worker", level=1))
    house.apus("stop", "worker")
    state = page.get_by_role("list", name="About this session").get_by_role("listitem").first
    expect(state).to_contain_text("ended")
    house.check("stopped at a terminal, it ends here too", True)
    # A message alone resumes.
    house.say(page, "say: woken by a word")
    house.sees("a message resumes it", talk(page).get_by_text("woken by a word", exact=True))
    expect(state).to_contain_text("idle")
    house.apus("stop", "worker")
    house.more(page, "Archive").get_by_role("button", name="Archive", exact=True).click()
    house.misses("archived, it is in no list", house.row(page, "worker"))
    house.apus("new", "next", "--here")
    house.sees("another comes", house.row(page, "next"))
    house.misses("and the archived one stays away", house.row(page, "worker"))
    page.get_by_label("archived").check()
    house.sees("but among the archived", house.row(page, "worker"))
    house.check("nothing of it is deleted", house.show("worker")["state"] == "archived")


run(steps)
