"""The backend of a mobile app whose Claude sessions survive its own reloads.

Sessions live in Apus; this process only asks for them over HTTP. It keeps no state: a conversation's name is its
session's name, and the ids of events are Apus's own, so whoever was cut off by a reload goes on where it was.
"""
import asyncio
import logging
import multiprocessing
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx2
from fastapi import FastAPI, Header, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, ServerSentEvent

OWNER = os.environ.get("APUS_OWNER", "mobile-app")
log = logging.getLogger("uvicorn.error")


def supervisor() -> int:
    """The process whose end is the end of this backend: sessions are tied to it.

    `uvicorn --reload` and `--workers` run the app in a child of theirs. A reload replaces the child and keeps the
    parent, so the child's end says nothing about the backend's: tie to the parent. Without them this process is all
    there is. Under a supervisor that forks by other means, such as gunicorn, put its pid into APUS_TIED_TO.
    """
    if told := os.environ.get("APUS_TIED_TO"):
        return int(told)
    parent = multiprocessing.parent_process()
    return parent.pid if parent else os.getpid()


def persistence() -> dict[str, bool]:
    """PERSIST_CLAUDE_SESSIONS of this backend; where it says nothing, Apus's own settings hold."""
    told = os.environ.get("PERSIST_CLAUDE_SESSIONS", "").lower()
    return {"persist": told in ("true", "1", "yes", "on")} if told else {}


def connect() -> httpx2.AsyncClient:
    """APUS_URL is http://HOST:PORT, with APUS_TOKEN, or unix:PATH, where the socket knows who asks."""
    url, token = os.environ.get("APUS_URL", "http://127.0.0.1:8765"), os.environ.get("APUS_TOKEN")
    path = url.removeprefix("unix:") if url.startswith("unix:") else None
    return httpx2.AsyncClient(
        base_url="http://localhost" if path else url,
        transport=httpx2.AsyncHTTPTransport(uds=path),
        headers={"Authorization": f"Bearer {token}"} if token else {},
        # There is a sign of life every 15 s where nothing happens: silence for longer is a dead connection.
        timeout=httpx2.Timeout(10, read=45),
    )


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    # Nothing is stopped here: this runs at every reload. The end of the supervisor ends what should end.
    async with connect() as app.state.apus:
        yield


app = FastAPI(title="Conversations", lifespan=lifespan)


async def ask(method: str, path: str, **more) -> httpx2.Response:
    response = await app.state.apus.request(method, "/v1" + path, **more)
    return response.raise_for_status()


@app.exception_handler(httpx2.HTTPStatusError)
async def refused(request: Request, error: httpx2.HTTPStatusError) -> Response:
    """Apus says in words what is wrong and what to do; that our own token is wrong is nobody else's business."""
    if error.response.status_code in (401, 403):
        log.error("apus refuses this backend: %s", error.response.text)
        return JSONResponse({"detail": "the backend may not do that"}, 502)
    return Response(error.response.content, error.response.status_code, media_type="application/problem+json")


@app.exception_handler(httpx2.TransportError)
async def unreachable(request: Request, error: httpx2.TransportError) -> Response:
    return JSONResponse({"detail": f"apus does not answer: {error}"}, 503, {"Retry-After": "1"})


Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]


class Beginning(BaseModel):
    directory: str
    prompt: str | None = None


class Prompt(BaseModel):
    text: str


class Answer(BaseModel):
    allow: bool
    message: str | None = None


@app.get("/conversations")
async def conversations(resumable: bool = False, limit: int = 50):
    """The newest first; with `resumable`, only those that really can be continued."""
    query = {"owner": OWNER, "limit": limit} | ({"resumable": "true"} if resumable else {})
    return (await ask("GET", "/sessions", params=query)).json()


@app.put("/conversations/{name}")
async def begin(name: Name, beginning: Beginning, response: Response):
    """Begins a conversation, or returns the one of that name: a phone in a lift may ask twice."""
    wish = {"name": name, "owner": OWNER, "tiedTo": supervisor(), **persistence()}
    wish |= beginning.model_dump(exclude_none=True)
    try:
        made = await ask("POST", "/sessions", json=wish, headers={"Idempotency-Key": f"conversation-{name}"})
    except httpx2.HTTPStatusError as error:
        # Asked again after this backend was started anew, or with other words: it is there.
        if error.response.status_code != 409:
            raise
        made = await ask("GET", f"/sessions/{name}")
    response.status_code = made.status_code
    return made.json()


@app.get("/conversations/{name}")
async def conversation(name: Name):
    return (await ask("GET", f"/sessions/{name}")).json()


@app.post("/conversations/{name}/prompts", status_code=202)
async def prompt(name: Name, prompt: Prompt):
    """Gives it something to do; what comes of it is among its events. One that has ended goes on in a new run."""
    session = (await ask("GET", f"/sessions/{name}")).json()
    if session["state"] in ("running", "starting", "queued"):
        return (await ask("POST", f"/sessions/{name}/send", json={"text": prompt.text})).json()
    # Its new run is this backend's, which may be another than that which began it.
    wish = {"text": prompt.text, "tiedTo": supervisor()}
    return (await ask("POST", f"/sessions/{name}/resume", json=wish)).json()


@app.post("/conversations/{name}/permissions/{request}")
async def permit(name: Name, request: str, answer: Answer):
    wish = {"request": request, **answer.model_dump(exclude_none=True)}
    return (await ask("POST", f"/sessions/{name}/permit", json=wish)).json()


@app.post("/conversations/{name}/interrupt")
async def interrupt(name: Name):
    return (await ask("POST", f"/sessions/{name}/interrupt", json={})).json()


@app.get("/conversations/{name}/events")
async def events(name: Name, after: int = 0, last_event_id: Annotated[str | None, Header()] = None):
    """Everything that happened in it and happens. `EventSource` comes back by itself, with the last id it has."""
    session = await ask("GET", f"/sessions/{name}")
    position = last_event_id or str(after)
    # When uvicorn wants to end, this response ends: it would be waited for otherwise, and so would the reload.
    return EventSourceResponse(follow(session.json()["id"], position))


async def follow(session: str, last: str) -> AsyncIterator[ServerSentEvent]:
    """Apus's events of a session as they are, over the ends of its daemons."""
    while True:
        try:
            async with app.state.apus.sse(
                "/v1/events", params={"session": session}, headers={"Last-Event-ID": last}, max_event_size=None
            ) as source:
                source.response.raise_for_status()
                async for event in source:
                    last = event.id or last
                    yield ServerSentEvent(event.data, event=event.event, id=event.id, retry=event.retry)
        except httpx2.TransportError as error:
            log.warning("the stream of %s ended (%s), from %s on again", session, error, last)
        await asyncio.sleep(1)
