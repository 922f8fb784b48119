"""What one says to a session."""
from harness import expect, run, talk


def steps(house):
    session = house.apus("new", "talker", "--here", json=True)
    page = house.visit(f"#/s/{session['id']}")
    message = page.get_by_role("textbox", name="Message")
    message.fill("say: first answer")
    message.press("Enter")
    house.sees("Enter sends", talk(page).get_by_text("first answer", exact=True))
    expect(message).to_have_value("")
    message.fill("say: upper")
    message.press("Shift+Enter")
    message.type("lower")
    house.check("Shift-Enter is a new line", message.input_value() == "say: upper\nlower")
    page.get_by_role("button", name="Send").click()
    answer = talk(page).get_by_role("article").filter(has_text="claude").filter(has_text="lower")
    house.sees("the button sends, both lines", answer)

    house.say(page, "slow 600: one two three four five six seven eight nine ten eleven twelve")
    stop = page.get_by_role("button", name="Interrupt")
    house.sees("at work it can be interrupted", stop)
    house.say(page, "say: after that")
    house.sees("what is said meanwhile waits for its turn", talk(page).get_by_text("say: after that"))
    # A draft is kept while one looks elsewhere.
    message.fill("half a thou")
    house.go(page, "#/locks")
    house.sees("elsewhere", page.get_by_role("heading", level=1, name="Locks"))
    house.go(page, f"#/s/{session['id']}")
    expect(message).to_have_value("half a thou")
    message.fill("")
    stop.click()
    house.sees("the turn is interrupted", talk(page).get_by_text("interrupted").first)
    house.sees("and the next one answered", talk(page).get_by_text("after that", exact=True))
    house.until("it rests", lambda: house.show("talker")["activity"] == "idle")
    house.misses("nothing is to be interrupted then", page.get_by_role("button", name="Interrupt"))
    house.axe(page, "a conversation")


run(steps)
