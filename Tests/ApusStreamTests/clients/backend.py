"""A backend that talks with one agent through Anthropic's SDK, told by lines what to do, telling lines what it heard.

    backend.py CLI OPTIONS      (JSON: options of the SDK, and `silent`: requests of the agent's are never answered;
                                 `hooks`, `sums`, `asks`: what it offers the agent)

Lines it reads are prompts; `!close` closes the client, `!exit` ends without closing, `!exec` becomes another program.
"""
import asyncio
import json
import os
import sys

import claude_agent_sdk as sdk


def tell(**fact):
    print(json.dumps(fact), flush=True)


async def answer(silent, fact, given):
    tell(**fact)
    if silent:
        await asyncio.sleep(3600)
    return given


def options(cli, given):
    silent = given.pop("silent", False)
    own = {}
    if given.pop("asks", False):
        async def may(tool, words, context):
            return await answer(silent, {"is": "asked", "tool": tool}, sdk.PermissionResultAllow())
        own["can_use_tool"] = may
    if given.pop("hooks", False):
        async def before(words, tool, context):
            return await answer(silent, {"is": "hooked", "tool": words.get("tool_name")}, {})
        own["hooks"] = {"PreToolUse": [sdk.HookMatcher(hooks=[before])]}
    if given.pop("sums", False):
        @sdk.tool("add", "Adds", {"a": int, "b": int})
        async def add(words):
            text = str(words["a"] + words["b"])
            return await answer(silent, {"is": "called"}, {"content": [{"type": "text", "text": text}]})
        own["mcp_servers"] = {"sums": sdk.create_sdk_mcp_server("sums", tools=[add])}
        own["allowed_tools"] = ["mcp__sums__add"]
    own["stderr"] = lambda line: tell(**{"is": "stderr", "text": line})
    return sdk.ClaudeAgentOptions(cli_path=cli, **given, **own)


async def read(client):
    try:
        async for message in client.receive_messages():
            fact = {"is": type(message).__name__}
            for key in ["result", "session_id", "subtype"]:
                if getattr(message, key, None):
                    fact[key] = getattr(message, key)
            for block in getattr(message, "content", None) or []:
                if isinstance(block, sdk.TextBlock):
                    fact["text"] = block.text
            tell(**fact)
    except Exception as error:
        tell(**{"is": "failed", "text": str(error)})


async def main():
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    client = sdk.ClaudeSDKClient(options(sys.argv[1], json.loads(sys.argv[2])))
    try:
        await client.connect()
    except Exception as error:
        tell(**{"is": "failed", "text": str(error)})
        return
    process = client._transport._process
    tell(**{"is": "connected", "client": process.pid})
    reader = asyncio.create_task(read(client))
    while line := (await lines.readline()).decode().strip():
        if line == "!close":
            await client.disconnect()
            tell(**{"is": "closed", "code": process.returncode})
            break
        if line == "!exit":
            os._exit(3)
        if line == "!exec":
            os.execv("/bin/sleep", ["sleep", "60"])
        await client.query(line)
    reader.cancel()


asyncio.run(main())
