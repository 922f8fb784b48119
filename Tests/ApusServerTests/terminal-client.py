"""A WebSocket client of somebody else's: terminal-client.py URL [TOKEN [SUBPROTOCOL...]] < steps, one JSON line each.

Steps: {"type": TEXT} types, {"say": OBJECT} sends a text, {"raw": TEXT} any text, {"close": CODE}, {"pause": true} and
{"pause": false} stop and go on reading. What comes is printed a JSON line each: {"text": OBJECT}, {"bytes": TEXT},
{"closed": CODE, "reason": TEXT}, {"refused": STATUS}.
"""
import asyncio
import json
import sys

import websockets
from websockets.asyncio.client import connect


def tell(**fields):
    print(json.dumps(fields), flush=True)


async def main(url, token=None, *protocols):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        socket = await connect(url, additional_headers=headers, subprotocols=protocols or None, max_size=None,
                               compression=None, max_queue=4, ping_interval=None, proxy=None)
    except websockets.exceptions.InvalidStatus as refused:
        return tell(refused=refused.response.status_code)
    reads = asyncio.Event()
    reads.set()

    async def read():
        try:
            while True:
                await reads.wait()
                message = await socket.recv()
                if isinstance(message, bytes):
                    tell(bytes=message.decode("utf-8", "replace"))
                else:
                    tell(text=json.loads(message))
        except websockets.exceptions.ConnectionClosed as closed:
            tell(closed=closed.rcvd.code if closed.rcvd else None, reason=closed.rcvd.reason if closed.rcvd else "")

    reading = asyncio.create_task(read())
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        step = json.loads(line)
        if "type" in step:
            await socket.send(step["type"].encode())
        elif "say" in step:
            await socket.send(json.dumps(step["say"]))
        elif "raw" in step:
            await socket.send(step["raw"])
        elif "ping" in step:
            await (await socket.ping())
            tell(pong=True)
        elif "pause" in step:
            reads.clear() if step["pause"] else reads.set()
            tell(paused=step["pause"])
        elif "close" in step:
            await socket.close(step["close"])
    await socket.close()
    await reading


asyncio.run(main(*sys.argv[1:]))
