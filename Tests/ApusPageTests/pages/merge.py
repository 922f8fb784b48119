"""A merge: what would happen, then what happened. And the work log."""
from harness import run


def steps(house):
    session = house.apus("new", "fix-shop", "--component", "server", "--kind", "bug", "--issue", "the shop is shut", json=True)
    house.commit(session["directory"], "server/shop.txt", "open\n")
    before = house.git("rev-parse", "main")

    page = house.visit("#/worklog")
    main = page.get_by_role("main")
    house.sees("the work log has an entry", main.get_by_text("fix-shop").first)
    house.sees("with what is wrong", main.get_by_text("the shop is shut").first)
    house.axe(page, "the work log")

    house.row(page, "fix-shop").click()
    house.until("its commit is seen", lambda: "↑1" in page.get_by_role("main").inner_text())
    dialog = house.more(page, "Merge")
    house.sees("what a merge would bring", dialog.get_by_text("server/shop.txt").first)
    house.sees("and how much", dialog.get_by_text("1 commit").first)
    house.axe(page, "a merge to come")
    house.check("nothing has happened yet", house.git("rev-parse", "main") == before)
    page.keyboard.press("Escape")
    house.misses("Escape leaves it", page.get_by_role("dialog"))
    house.check("and nothing happened", house.git("rev-parse", "main") == before)
    house.more(page, "Merge").get_by_role("button", name="Merge", exact=True).click()
    house.sees("what was done is told", page.get_by_role("dialog").get_by_role("status").get_by_role("listitem").first)
    house.check("and was done", house.git("rev-parse", "main") != before
                and house.git("show", "main:server/shop.txt") == "open")
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()

    house.apus("stop", "fix-shop")
    dialog = house.more(page, "Remove")
    house.sees("what would go is told first", dialog.get_by_text(session["branch"]).first)
    house.axe(page, "a removal to come")
    dialog.get_by_role("button", name="Remove", exact=True).click()
    house.until("then it goes", lambda: session["branch"] not in house.git("branch", "--list"))


run(steps)
