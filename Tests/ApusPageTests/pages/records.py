"""Many sessions, and long conversations: a real record multiplied in the stores of a daemon that is down meanwhile."""
import json
import os
import sqlite3
import uuid


def multiply(house, model, count, prefix="many"):
    """That many ended sessions more, like that one, which has ended."""
    house.apus("down")
    store = sqlite3.connect(os.environ["APUS_HOME"] + "/apus.db")
    body = json.loads(store.execute("SELECT body FROM sessions WHERE name = ?", [model]).fetchone()[0])
    run = json.loads(store.execute("SELECT body FROM runs WHERE session = ?", [body["id"]]).fetchone()[0])
    for number in range(count):
        conversation, short = str(uuid.uuid4()), f"b{number:04x}"
        own = {**body, "id": short, "name": f"{prefix}-{number:03}", "conversationID": conversation,
               "lastActive": body["lastActive"] - 60 - number, "tags": [f"part-{number % 7}"]}
        store.execute("INSERT INTO sessions (id, name, conversation, body) VALUES (?, ?, ?, ?)",
                      [short, own["name"], conversation, json.dumps(own)])
        store.execute("INSERT INTO runs (session, number, body) VALUES (?, ?, ?)",
                      [short, run["number"], json.dumps({**run, "session": short})])
    store.commit()
    store.close()
    house.apus("up")


def converse(house, name, texts):
    """Further answers at the end of that session's conversation."""
    session = house.show(name)
    house.apus("down")
    say(os.environ["APUS_HOME"], session, texts)
    house.apus("up")
    return session


def say(home, session, texts):
    """Writes that the session's agent said these; the daemon of that home is down."""
    events = sqlite3.connect(f"{home}/events.db")
    n, at = events.execute("SELECT max(n), max(at) FROM events WHERE session = ?", [session["id"]]).fetchone()
    last = events.execute("SELECT coalesce(max(number), 0) FROM feed").fetchone()[0]
    for number, text in enumerate(texts, 1):
        detail = {"id": str(uuid.uuid4()), "role": "assistant", "text": text}
        events.execute("INSERT INTO events (session, n, at, run, kind, detail) VALUES (?, ?, ?, ?, 'said', ?)",
                       [session["id"], n + number, at + number / 1000, session["run"], json.dumps(detail)])
        events.execute("INSERT INTO feed (number, session, n) VALUES (?, ?, ?)", [last + number, session["id"], n + number])
    events.commit()
    events.close()
