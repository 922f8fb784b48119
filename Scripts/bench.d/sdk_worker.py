"""Runs in the SDK's own Python: answers each line `list` or `turn TEXT` with how many milliseconds it took."""
import asyncio
import os
import sys
import time

from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, ResultMessage, list_sessions


async def turn(client, text):
    await client.query(text)
    async for message in client.receive_response():
        if isinstance(message, ResultMessage) and message.is_error:
            raise SystemExit(f"sdk_worker: {message.result}")


async def main():
    client = None
    while line := await asyncio.to_thread(sys.stdin.readline):
        verb, _, rest = line.strip().partition(" ")
        count = 1
        if verb == "turn" and client is None:
            client = ClaudeSDKClient(ClaudeAgentOptions(cli_path=os.environ["APUS_CLAUDE"], cwd=os.getcwd()))
            await client.connect()
        began = time.perf_counter()
        if verb == "turn":
            await turn(client, rest)
        else:
            count = len(list_sessions())
        print(f"{(time.perf_counter() - began) * 1000} {count}", flush=True)
    if client:
        await client.disconnect()


asyncio.run(main())
