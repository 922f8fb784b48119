"""A session from the form, and its answer as it comes."""
from harness import expect, run, talk

WORDS = " ".join(f"word{number}" for number in range(1, 41))
# Notes how long the conversation was whenever it grew.
GROWTH = """() => {
  globalThis.growth = [];
  const log = document.querySelector('main');
  new MutationObserver(() => {
    const found = (log.textContent.match(/word\\d+/g) || []).length;
    if (found !== growth.at(-1)) growth.push(found);
  }).observe(log, { subtree: true, childList: true, characterData: true });
}"""


def steps(house):
    page = house.visit()
    house.sees("where there are no sessions, the command that makes one", page.get_by_text("apus new").first)
    page.get_by_role("banner").get_by_role("button", name="New session").click()
    house.sees("the form", page.get_by_role("heading", name="New session", level=1))
    house.axe(page, "the form")
    page.get_by_label("Directory").fill(house.work + "/nowhere")
    page.get_by_label("What is it to do?").fill(f"slow 3: {WORDS}")
    page.get_by_label("Name", exact=True).fill("fix-feeds")
    with house.expecting(r"status of 4\d\d"):
        page.get_by_role("button", name="Start session").click()
        house.sees("a directory that is none is told", page.get_by_role("alert"))
    house.check("what was written is still there", page.get_by_label("Name", exact=True).input_value() == "fix-feeds")
    page.get_by_label("Directory").fill(house.work)
    page.get_by_label("Component").fill("server")
    page.get_by_label("Kind").select_option("bug")
    page.evaluate(GROWTH)
    page.get_by_role("button", name="Start session").click()

    house.sees("the session opens", page.get_by_role("heading", name="fix-feeds", level=1))
    house.sees("what was asked", talk(page).get_by_text("slow 3:"))
    house.sees("the answer, whole", talk(page).get_by_text("word40"))
    expect(house.row(page, "fix-feeds")).to_contain_text("idle")
    house.check("it is idle then", house.show("fix-feeds")["activity"] == "idle")
    growth = page.evaluate("growth")
    house.check(f"the answer was seen as it came: {len(growth)} times longer", len(growth) > 8)
    said = house.articles(page, "claude")
    house.check("and is there once", len(said) == 1 and WORDS in said[0])
    idle = page.get_by_role("navigation", name="Sessions").get_by_role("heading", name="Idle")
    expect(idle).to_be_visible()
    house.sees("its row stands below Idle", house.row(page, "fix-feeds"))
    session = house.show("fix-feeds")
    house.check("it works where the form said", session["component"] == "server" and session["kind"] == "bug"
                and session["worktree"] and session["branch"])
    house.sees("its branch is shown", page.get_by_role("main").get_by_text(session["branch"]))


run(steps)
