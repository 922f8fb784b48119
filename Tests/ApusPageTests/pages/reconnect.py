"""The daemon killed and back: the page says it, and nothing is missing after it."""
import os
import re
import signal

from harness import expect, run, talk

WORDS = " ".join(f"word{number}" for number in range(1, 121))


def steps(house):
    session = house.apus("new", "runner", "--here", "--prompt", f"say: early then slow 6: {WORDS}", json=True)
    page = house.visit(f"#/s/{session['id']}")
    away = house.visit()
    house.sees("an answer under way", talk(page).get_by_text("word2"))
    pid = int(open(f"{os.environ['APUS_HOME']}/apusd.lock").read())
    with house.expecting(r"ERR_", r"status of 50\d", r"net::", r"WebSocket"):
        os.kill(pid, signal.SIGKILL)
        alert = page.get_by_role("alert").filter(has_text="Apus does not answer")
        house.sees("a banner says that the daemon is gone", alert)
        house.sees("and what goes on", alert.get_by_text(re.compile("agents go on", re.I)))
        house.axe(page, "the page without its daemon")
        house.sees("what was said stays to be read", talk(page).get_by_text("slow 6:"))
        message = page.get_by_role("textbox", name="Message")
        outcome = page.get_by_role("alert").filter(has=page.get_by_role("button", name="Close"))
        message.fill("say: kept")
        page.get_by_role("button", name="Send").click()
        house.sees("what cannot be sent is said", outcome.filter(has_text="does not answer"))
        house.check("and is not lost", message.input_value() == "say: kept")
        house.check("the agent goes on", alive(session["id"]))

        house.apus("list")
        house.misses("with the daemon back the banner goes", alert)
        house.live(page)
    house.sees("the whole answer is there", talk(page).get_by_text("word120"))
    expect(house.row(page, "runner")).to_contain_text("idle")
    house.check("the turn is over", house.show("runner")["activity"] == "idle")
    answers = house.articles(page, "claude")
    house.check(f"every word of it, once: {len(answers)} answers", sum(WORDS in text for text in answers) == 1
                and sum(text.count("word7 ") for text in answers) == 1)
    house.check("what was asked is there once", sum("slow 6:" in text for text in house.articles(page)) == 1)
    page.get_by_role("button", name="Send").click()
    house.sees("what was written is sent now", talk(page).get_by_text("kept", exact=True))
    expect(house.row(away, "runner")).to_contain_text("idle")
    house.check("a page that was elsewhere is up to date as well", True)
    house.go(away, f"#/s/{session['id']}")
    house.sees("and complete", talk(away).get_by_text("kept", exact=True))
    page.get_by_role("tab", name="Activity").click()
    listed = page.get_by_role("log", name="Activity")
    house.sees("events as well", listed)


def alive(session):
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if session in open(f"/proc/{name}/environ").read() and "claude" in open(f"/proc/{name}/cmdline").read():
                    return True
            except OSError:
                pass
    return False


run(steps)
