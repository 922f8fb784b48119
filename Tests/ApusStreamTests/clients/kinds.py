"""Uses Anthropic's SDK in each of its ways, with the program that is named, and prints what it was given: a JSON list of
messages per way, without what differs from one run to the next.

    kinds.py CLI KIND…
"""
import asyncio
import dataclasses
import json
import re
import sys

import claude_agent_sdk as sdk
from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, query

CLI = sys.argv[1]
# Ids, moments and what is measured.
CHANGES = {
    "session_id", "uuid", "id", "duration_ms", "duration_api_ms", "tool_use_id", "ttft_ms", "ttft_stream_ms",
    "time_to_request_ms", "timestamp", "request_id", "first_content_frame_ms", "message_id", "prompt_id",
    "transcript_path", "pid", "messaging_socket_path", "hook_id", "signature", "parent_tool_use_id",
}


def plain(value):
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {"is": type(value).__name__, **plain(fields)}
    if isinstance(value, dict):
        return {key: "·" if key in CHANGES and part is not None else plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, str):
        value = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "·", value)
        return re.sub(r"(toolu|msg|req)_[0-9A-Za-z]+", "·", value)
    return value if isinstance(value, (int, float, bool, type(None))) else repr(type(value))


def options(**given):
    return ClaudeAgentOptions(cli_path=CLI, **given)


async def turn(client, prompt, said):
    await client.query(prompt)
    async for message in client.receive_response():
        said.append(plain(message))
        last = message
    return last


async def one_query(said):
    async for message in query(prompt="say: hello", options=options()):
        said.append(plain(message))


async def streamed_query(said):
    async def prompts():
        yield {"type": "user", "message": {"role": "user", "content": "bash: echo streamed then say: end"}}

    async for message in query(prompt=prompts(), options=options(include_partial_messages=True)):
        said.append(plain(message))


async def turns(said):
    async with ClaudeSDKClient(options(system_prompt="Be brief.")) as client:
        said.append(sorted(await client.get_server_info()))
        for prompt in ["say: one", "think: hm then say: two", "bash: echo hi then say: three"]:
            await turn(client, prompt, said)


async def permissions(said):
    async def may(tool, given, context):
        said.append(["asked", tool, plain(given)])
        if "no" in given.get("command", ""):
            return sdk.PermissionResultDeny(message="not that")
        return sdk.PermissionResultAllow(updated_input={**given, "command": "echo changed > allowed"})

    async with ClaudeSDKClient(options(can_use_tool=may)) as client:
        await turn(client, "bash: touch yes then say: allowed", said)
        await turn(client, "bash: touch no then say: denied", said)


async def hooks(said):
    async def before(given, tool, context):
        said.append(["hook", given["hook_event_name"], given.get("tool_name"), plain(given.get("tool_input"))])
        if "forbidden" in json.dumps(given.get("tool_input", {})):
            decision = {"permissionDecision": "deny", "permissionDecisionReason": "a hook says no"}
            return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **decision}}
        return {}

    matchers = {event: [sdk.HookMatcher(hooks=[before])] for event in ["PreToolUse", "PostToolUse", "UserPromptSubmit"]}
    async with ClaudeSDKClient(options(hooks=matchers, allowed_tools=["Bash"])) as client:
        await turn(client, "bash: echo fine then say: one", said)
        await turn(client, "bash: echo forbidden then say: two", said)


async def hook_events(said):
    async for message in query(prompt="bash: echo x then say: end", options=options(include_hook_events=True)):
        said.append(plain(message))


async def servers(said):
    @sdk.tool("add", "Adds", {"a": int, "b": int})
    async def add(given):
        said.append(["called", given])
        return {"content": [{"type": "text", "text": str(given["a"] + given["b"])}]}

    own = sdk.create_sdk_mcp_server("sums", tools=[add])
    given = options(mcp_servers={"sums": own}, allowed_tools=["mcp__sums__add"])
    async with ClaudeSDKClient(given) as client:
        await turn(client, 'tool mcp__sums__add {"a": 2, "b": 3} then say: added', said)


async def interrupted(said):
    async with ClaudeSDKClient(options(include_partial_messages=True)) as client:
        await client.query("slow 30: " + "word " * 300)
        kinds = []
        async for message in client.receive_response():
            kinds.append(type(message).__name__)
            if kinds.count("StreamEvent") == 1 and kinds[-1] == "StreamEvent":
                await client.interrupt()
        said.append([kinds[0], kinds[-1], message.subtype, message.is_error])
        # How much was used by then, and told since, is a matter of moments.
        after = []
        said.append((await turn(client, "say: after", after)).result)


async def resumed(said):
    async with ClaudeSDKClient(options()) as client:
        first = await turn(client, "say: first", said)
    async for message in query(prompt="say: second", options=options(resume=first.session_id)):
        said.append(plain(message))
    said.append(message.session_id == first.session_id)
    async for message in query(prompt="say: forked", options=options(resume=first.session_id, fork_session=True)):
        said.append(plain(message))
    said.append(message.session_id == first.session_id)
    async for message in query(prompt="say: third", options=options(continue_conversation=True)):
        said.append(plain(message))
    try:
        unknown = "00000000-0000-4000-8000-000000000000"
        async for message in query(prompt="say: never", options=options(resume=unknown)):
            said.append(plain(message))
    except Exception as error:
        said.append([type(error).__name__, plain(str(error))])


async def settings(said):
    async with ClaudeSDKClient(options()) as client:
        await turn(client, "say: one", said)
        await client.set_model("claude-sonnet-4-5")
        await client.set_permission_mode("acceptEdits")
        await turn(client, "edit made.txt: text then say: two", said)
        said.append(plain(await client.get_mcp_status()))


async def complaints(said):
    lines = []
    try:
        given = options(stderr=lines.append, extra_args={"no-such-flag": None})
        async for message in query(prompt="say: never", options=given):
            said.append(plain(message))
    except Exception as error:
        said.append([type(error).__name__, str(error)])
    said.append(lines)


async def raw(said):
    """Without the SDK: exit codes, bytes on both sides, and a line that is no JSON."""
    words = ["--output-format", "stream-json", "--verbose", "--input-format", "stream-json"]
    hello = json.dumps({"type": "user", "message": {"role": "user", "content": "say: raw"}}).encode()
    for text in [hello + b"\n", hello, b"", b"no json\n", b'{"type":"nothing known"}\n' + hello + b"\n", b"{\n" + hello]:
        process = await asyncio.create_subprocess_exec(
            CLI, *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        out, complaints = await process.communicate(text)
        said.append([process.returncode, [plain(json.loads(line)) for line in out.splitlines()], complaints.decode()])
    for number in [15, 2]:
        process = await asyncio.create_subprocess_exec(
            CLI, *words, "--include-partial-messages", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        process.stdin.write(json.dumps({"type": "user", "message": {"role": "user", "content": "slow 60: a b c"}}).encode()
                            + b"\n")
        # In the middle of an answer: what is said to a signal before that depends on the moment.
        while b'"text_delta"' not in await process.stdout.readline():
            pass
        process.send_signal(number)
        rest = await process.stdout.read()
        kinds = [json.loads(line)["type"] for line in rest.splitlines()]
        said.append([number, await process.wait(), [kind for kind in kinds if kind != "stream_event"]])


async def main():
    for kind in sys.argv[2:]:
        said = []
        try:
            await globals()[kind](said)
        except Exception as error:
            said.append(["failed", type(error).__name__, str(error)])
        print(json.dumps([kind, said], sort_keys=True), flush=True)


asyncio.run(main())
