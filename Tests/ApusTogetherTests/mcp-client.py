"""The official client against a server: mcp-client.py MODE COMMAND... < steps, one JSON line each.

MODE: legacy (a handshake), auto (discovery, then what it finds), 2026-07-28 (no handshake at all). A step is
{"list": true}, {"ping": true} or {"call": NAME, "arguments": {...}}; each is answered by one JSON line. The client checks
every result against the protocol's own model, and structured content against the tool's own schema.
"""
import asyncio
import json
import os
import sys
import warnings

from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

warnings.simplefilter("ignore")


async def main():
    mode, command, *arguments = sys.argv[1:]
    server = StdioServerParameters(command=command, args=arguments, env=dict(os.environ), cwd=os.getcwd())
    async with Client(server, mode=mode) as client:
        info = client.server_info
        say({"version": client.protocol_version, "server": info and info.name, "instructions": client.instructions})
        for line in sys.stdin:
            step = json.loads(line)
            try:
                say(await perform(client, step))
            except MCPError as error:
                say({"code": error.code, "message": str(error)})


async def perform(client, step):
    if "list" in step:
        return {"tools": [tool.name for tool in (await client.list_tools()).tools]}
    if "ping" in step:
        await client.send_ping()
        return {"pong": True}
    result = await client.call_tool(step["call"], step.get("arguments"))
    return {"text": "".join(block.text for block in result.content), "isError": bool(result.is_error),
            "fields": result.structured_content}


def say(value):
    print(json.dumps(value), flush=True)


asyncio.run(main())
