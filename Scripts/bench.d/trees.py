"""Many sessions: a real transcript multiplied in the file system, a real record multiplied in the daemon's store."""
import json
import re
import sqlite3
import uuid


def templates(transcript, size):
    """The bytes of a transcript of about `size` bytes, made of a real one and further turns like its own."""
    lines = [json.loads(line) for line in transcript.read_text().splitlines()]
    turns = [line for line in lines if line["type"] in ("user", "assistant") and "message" in line]
    question, answer = turns[-2:]
    if transcript.stat().st_size > size:  # a real one begins with 150 KB of attachments: the small one goes without
        lines, parent = [question := {**question, "parentUuid": None}, {**answer, "parentUuid": question["uuid"]}], answer["uuid"]
    else:
        parent = turns[-1]["uuid"]
    bytes_now = sum(len(json.dumps(line)) + 1 for line in lines)
    while bytes_now < size:
        for turn in (question, answer):
            turn = {**turn, "uuid": str(uuid.uuid4()), "parentUuid": parent}
            if turn["type"] == "assistant":
                words = "The parser reads a \"token\" at a time and says what it expected.\n" * 12
                turn["message"] = {**turn["message"], "content": [{"type": "text", "text": words}]}
            parent = turn["uuid"]
            lines.append(turn)
            bytes_now += len(json.dumps(turn)) + 1
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()


def multiply(home, session, transcript, count, size, directories):
    """Puts `count` ended sessions into the store of a stopped daemon, and their transcripts where Claude Code does."""
    template = templates(transcript, size)
    places = [home.work / f"p{number:02}" for number in range(directories)]
    slugs = {place: transcript.parents[1] / re.sub(r"[^A-Za-z0-9]", "-", str(place)) for place in places}
    for place, slug in slugs.items():
        place.mkdir(exist_ok=True)
        slug.mkdir(exist_ok=True)
    old_id, old_directory = session["conversationID"].encode(), json.dumps(session["directory"]).encode()
    store = sqlite3.connect(home.root / "apus/apus.db")
    body = json.loads(store.execute("SELECT body FROM sessions WHERE id = ?", [session["id"]]).fetchone()[0])
    run = json.loads(store.execute("SELECT body FROM runs WHERE session = ?", [session["id"]]).fetchone()[0])
    for number in range(count):
        place = places[number % directories]
        conversation, short = str(uuid.uuid4()), f"b{number:04x}"
        data = template.replace(old_id, conversation.encode()).replace(old_directory, json.dumps(str(place)).encode())
        (slugs[place] / f"{conversation}.jsonl").write_bytes(data)
        own = {**body, "id": short, "name": f"many-{number}", "conversationID": conversation, "directory": str(place),
               "transcriptBytes": len(data)}
        store.execute("INSERT INTO sessions (id, name, conversation, body) VALUES (?, ?, ?, ?)",
                      [short, own["name"], conversation, json.dumps(own)])
        store.execute("INSERT INTO runs (session, number, body) VALUES (?, ?, ?)",
                      [short, run["number"], json.dumps({**run, "session": short})])
    store.commit()
    store.close()
    return len(template)
