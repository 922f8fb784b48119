"""Locks and their queue, claims, conflicts: as they change."""
import re

from harness import expect, run


def link(page, name):
    return page.get_by_role("navigation", name="Together").get_by_role("link", name=name)


def steps(house):
    made = {name: house.apus("new", name, json=True) for name in ("ann", "bob", "cat")}
    page = house.visit()
    main = page.get_by_role("main")

    link(page, "Locks").click()
    house.sees("locks", page.get_by_role("heading", level=1, name="Locks"))
    house.axe(page, "no locks")
    house.apus("lock", "acquire", "docker", "--session", "ann", "--note", "api, task-worker")
    house.sees("a lock appears", main.get_by_text("docker").first)
    house.sees("why it is held", main.get_by_text("api, task-worker"))
    for name in ("bob", "cat"):
        house.apus("lock", "acquire", "docker", "--session", name, "--later", check=False)
    expect(link(page, "Locks")).to_contain_text("2")
    text = main.inner_text()
    house.until("the queue is shown in its order", lambda: in_order(main.inner_text(), "ann", "bob", "cat"))
    house.axe(page, "a lock with a queue")
    house.sees("the list says who waits", house.row(page, "bob").get_by_text("waits").first)
    house.apus("lock", "release", "docker", "--session", "ann")
    house.until("it goes to who is next", lambda: "ann" not in main.inner_text() and in_order(main.inner_text(), "bob", "cat"))
    house.check("without a look of one's own", text != main.inner_text())

    link(page, "Claims").click()
    house.sees("claims", page.get_by_role("heading", level=1, name="Claims"))
    house.axe(page, "no claims")
    house.apus("claim", "add", "server/a.txt", "--session", "ann")
    house.apus("claim", "add", "server/a.txt", "ui/", "--session", "bob", check=False)
    house.sees("a claimed file", main.get_by_text("server/a.txt").first)
    house.sees("and by whom", main.get_by_text("ann").first)
    house.axe(page, "claims")
    house.apus("claim", "release", "server/a.txt", "--session", "ann")
    house.until("let go of, it is gone", lambda: "ann" not in main.inner_text())

    for name in ("ann", "bob"):
        house.commit(made[name]["directory"], "shared.txt", f"one\n{name}\nthree\n")
    link(page, "Conflicts").click()
    house.sees("conflicts", page.get_by_role("heading", level=1, name="Conflicts"))
    matrix = main.get_by_role("table")
    pair = matrix.get_by_role("button", name=re.compile("ann and bob|bob and ann"))
    house.sees("two sessions would conflict", pair)
    for name in ("ann", "bob", "cat"):
        house.sees(f"{name} is a row of the matrix", matrix.get_by_role("rowheader", name=name))
        house.sees("and a column", matrix.get_by_role("columnheader", name=name))
    house.check("the third conflicts with nobody", matrix.get_by_role("button", name=re.compile("cat")).count() == 0)
    pair.first.click()
    house.sees("the file they would conflict in", main.get_by_text("shared.txt").first)
    house.axe(page, "conflicts")
    house.until("both rows have its sign", lambda: all("⚠" in house.row(page, name).inner_text() for name in ("ann", "bob")))
    house.check("the third's has not", "⚠" not in house.row(page, "cat").inner_text())
    house.commit(made["bob"]["directory"], "shared.txt", "one\ntwo\nthree\n")
    house.misses("undone, it is none any more", pair)
    house.check("nor a file of it", "shared.txt" not in main.inner_text())


def in_order(text, *words):
    places = [text.find(word) for word in words]
    return -1 not in places and places == sorted(places)


run(steps)
