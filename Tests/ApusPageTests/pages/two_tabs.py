"""Two devices, and a second tab of one."""
import re

from harness import expect, run, talk


def steps(house):
    session = house.apus("new", "shared", "--here", json=True)
    desk = house.visit(f"#/s/{session['id']}")
    second = house.tab(desk, f"#/s/{session['id']}")
    phone = house.visit(f"#/s/{session['id']}", phone=True, dark=True)
    every = {"the desk": desk, "its second tab": second, "the phone": phone}

    house.say(desk, "say: for all")
    for name, page in every.items():
        house.sees(f"{name} has the answer", talk(page).get_by_text("for all", exact=True))
    house.say(phone, "ask: rm -r build")
    for name, page in every.items():
        house.sees(f"{name} shows what is asked", page.get_by_role("region", name="Asks: Bash"))
    phone.get_by_role("region", name="Asks: Bash").get_by_role("button", name="Allow", exact=True).tap()
    for name, page in every.items():
        house.misses(f"answered on the phone, {name} asks no more", page.get_by_role("region", name=re.compile("^Asks")))
        house.sees(f"and {name} says so", talk(page).get_by_text("allowed").first)
    house.apus("rename", "shared", "together")
    for name, page in every.items():
        house.sees(f"{name} has its new name", page.get_by_role("heading", level=1, name="together"))
    house.say(second, "count 60 every 1")
    for name, page in every.items():
        house.sees(f"{name} is at the end", talk(page).get_by_text("line 60", exact=True))
    texts = []
    for page in every.values():
        expect(talk(page)).to_contain_text("line 59")
        texts.append(set(re.findall(r"line \d+", talk(page).inner_text())))
    shared = set.intersection(*texts)
    house.check(f"they show the same: {len(shared)} lines", len(shared) >= 3)
    house.apus("stop", "together")
    for name, page in every.items():
        expect(page.get_by_role("list", name="About this session")).to_contain_text("ended")
        house.check(f"{name} knows that it ended", True)


run(steps)
