"""Answers that come late, after those to what was asked later: what is shown is never from before."""
from harness import expect, run, talk

# Answers to what `hold` matches are kept back, though the daemon has given them, until `release`.
HOLDER = """{
  const ask = window.fetch;
  let pattern = null, opened = null, open = null;
  window.held = 0;
  window.hold = text => { pattern = new RegExp(text); opened = new Promise(done => { open = done; }); };
  window.release = () => { pattern = null; window.held = 0; open(); };
  window.fetch = async (path, how) => {
    const holds = pattern?.test(`${how?.method ?? 'GET'} ${path}`), until = opened;
    const answer = await ask(path, how);
    if (!holds) return answer;
    const kept = answer.clone();
    await answer.text();
    window.held += 1;
    await until;
    return kept;
  };
}"""


def steps(house):
    asker = house.apus("new", "asker", "--here", json=True)
    house.apus("new", "old", "--here")
    house.apus("stop", "old")
    house.apus("archive", "old")
    device = house.device()
    device.add_init_script(HOLDER)
    page = house.visit(f"#/s/{asker['id']}", device=device)

    def hold(pattern):
        page.evaluate("pattern => hold(pattern)", pattern)

    def arrived(what):
        house.until(what, lambda: page.evaluate("held") > 0)

    def release(what):
        arrived(what)
        page.evaluate("release()")

    house.apus("send", "asker", "ask: make clean")
    asks = page.get_by_role("region", name="Asks: Bash")
    hold("POST .*/permit$")
    asks.get_by_role("button", name="Allow", exact=True).click()
    house.sees("allowed, it goes on", talk(page).get_by_text("allowed", exact=True))
    house.apus("send", "asker", "ask: make dist")
    house.sees("it asks again before that is answered", asks.get_by_text("make dist"))
    release("the answer comes, from when it was at work")
    house.sees("and is told", page.get_by_role("banner").get_by_text("Allowed: Bash of asker."))
    house.check("it still asks, all the time", asks.get_by_text("make dist").is_visible())

    hold("GET .*/sessions\\?")
    page.get_by_label("archived").check()
    arrived("the list is on its way")
    house.apus("new", "fresh", "--here")
    expect(house.row(page, "fresh")).to_contain_text("idle")
    house.check("one comes meanwhile", True)
    release("the list comes, from before it")
    house.sees("with those that are archived", house.row(page, "old"))
    house.check("and the new one stays", house.row(page, "fresh").is_visible())

    hold("PATCH ")
    dialog = house.more(page, "Rename or tag")
    dialog.get_by_label("Name").fill("second")
    dialog.get_by_role("button", name="Save").click()
    house.sees("it is called otherwise before that is answered", house.row(page, "second"))
    house.apus("rename", "second", "third")
    house.sees("and otherwise again", house.row(page, "third"))
    release("the answer comes, with the name before")
    house.misses("the dialog goes", page.get_by_role("dialog"))
    house.sees("it has its last name", page.get_by_role("heading", name="third", level=1))


run(steps)
