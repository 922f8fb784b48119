"""The same backend on the Claude Agent SDK, with `cli_path="apus-claude"`.

The SDK runs the program it is given. `apus-claude` takes what `claude` takes, and keeps the agent where a crash of this
process does not reach it: the next client that resumes the conversation finds it as it is. What was said is read from
the transcript, which is there whoever was connected meanwhile; a message's own id is its event's id.
"""
import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Annotated
from uuid import UUID, uuid4

from claude_agent_sdk import (
    ClaudeAgentOptions, ClaudeSDKClient, ClaudeSDKError, PermissionResultAllow, PermissionResultDeny, ToolPermissionContext,
    get_session_info, get_session_messages, list_sessions)
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, JSONServerSentEvent

PROGRAM = os.environ.get("CLAUDE_PROGRAM", "apus-claude")
LOOK_SECONDS = 0.2
log = logging.getLogger("uvicorn.error")


class Conversation:
    """A conversation this process has in hand: one client of one agent, from its first prompt on."""

    def __init__(self, id: str, directory: str, **how: str):
        self.id = id
        self.asked: dict[str, dict] = {}
        self.answers: dict[str, asyncio.Future] = {}
        self.prompts: asyncio.Queue[str] = asyncio.Queue()
        self.client: ClaudeSDKClient | None = None
        self.options = ClaudeAgentOptions(cli_path=PROGRAM, cwd=directory, can_use_tool=self.ask, **how)
        self.task = asyncio.create_task(self.run())

    async def run(self) -> None:
        try:
            async with ClaudeSDKClient(self.options) as self.client:
                while True:
                    await self.client.query(await self.prompts.get())
                    async for _ in self.client.receive_response():
                        pass  # it is on the transcript
        except ClaudeSDKError as error:
            log.warning("conversation %s: %s", self.id, error)
        finally:
            in_hand.pop(self.id, None)

    async def ask(self, tool: str, input: dict, context: ToolPermissionContext):
        request = context.tool_use_id or str(uuid4())
        self.asked[request] = {"id": request, "tool": tool, "input": input}
        self.answers[request] = asyncio.get_running_loop().create_future()
        try:
            return await self.answers[request]
        finally:
            del self.asked[request], self.answers[request]


in_hand: dict[str, Conversation] = {}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    # A deliberate close: it ends the agents, but for those of apus-claude with PERSIST_CLAUDE_SESSIONS=true.
    tasks = [one.task for one in in_hand.values()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


app = FastAPI(title="Conversations", lifespan=lifespan)


class Beginning(BaseModel):
    directory: str
    prompt: str


class Prompt(BaseModel):
    text: str


class Answer(BaseModel):
    allow: bool
    message: str = "not now"


def known(id: UUID):
    if found := get_session_info(str(id)):
        return found
    raise HTTPException(404, "there is no such conversation")


def held(id: UUID) -> Conversation:
    if found := in_hand.get(str(id)):
        return found
    raise HTTPException(409, "nothing is under way here")


@app.get("/conversations")
async def conversations(directory: str | None = None, limit: int = 50):
    return [asdict(one) for one in await asyncio.to_thread(list_sessions, directory, limit)]


@app.put("/conversations/{id}")
async def begin(id: UUID, beginning: Beginning):
    """Begins a conversation under an id the app chose; asked twice there is one."""
    name = str(id)
    if name not in in_hand and not get_session_info(name):
        in_hand[name] = Conversation(name, beginning.directory, session_id=name)
        in_hand[name].prompts.put_nowait(beginning.prompt)
    return {"id": name}


@app.post("/conversations/{id}/prompts", status_code=202)
async def prompt(id: UUID, prompt: Prompt):
    """Gives it something to do. Who was replaced by a reload takes the conversation up again: the agent may still be there."""
    name = str(id)
    if name not in in_hand:
        directory = known(id).cwd
        in_hand[name] = Conversation(name, directory or os.getcwd(), resume=name)
    in_hand[name].prompts.put_nowait(prompt.text)
    return {"id": name}


@app.post("/conversations/{id}/permissions/{request}")
async def permit(id: UUID, request: str, answer: Answer):
    waiting = held(id).answers.get(request)
    if waiting is None or waiting.done():
        raise HTTPException(404, "nothing of that id is asked")
    waiting.set_result(PermissionResultAllow() if answer.allow else PermissionResultDeny(message=answer.message))
    return {"id": request}


@app.post("/conversations/{id}/interrupt")
async def interrupt(id: UUID):
    if client := held(id).client:
        await client.interrupt()
    return {"id": str(id)}


@app.get("/conversations/{id}/events")
async def events(id: UUID, last_event_id: Annotated[str | None, Header()] = None):
    """What was said and is said, each message once; and what is asked, which has no id: it is told to each who comes."""
    return EventSourceResponse(follow(str(id), last_event_id))


async def follow(id: str, last: str | None) -> AsyncIterator[JSONServerSentEvent]:
    told: set[str] = set()
    size = None
    while True:
        # The agent may have been at work for nobody: its transcript grows all the same.
        info = await asyncio.to_thread(get_session_info, id)
        if info and info.file_size != size:
            size = info.file_size
            messages = await asyncio.to_thread(get_session_messages, id)
            at = next((n + 1 for n, one in enumerate(messages) if one.uuid == last), 0)
            for one in messages[at:]:
                last = one.uuid
                yield JSONServerSentEvent({"type": one.type, "message": one.message}, event=one.type, id=one.uuid)
        for request in list(in_hand[id].asked.values()) if id in in_hand else []:
            if request["id"] not in told:
                told.add(request["id"])
                yield JSONServerSentEvent(request, event="permission")
        await asyncio.sleep(LOOK_SECONDS)
