"""Terminals over WebSockets beside a Python server's; `apus-claude` beside the bare program, under the SDK."""
import statistics
import subprocess
import time
from contextlib import ExitStack

import doors
import harness
from harness import Home, turns
from report import Row, Subject

# What such a server is in Python: a pseudo-terminal behind a WebSocket, with the usual library.
PEER = r'''import asyncio, os, pty, sys, tty
from websockets.asyncio.server import serve
async def sit(socket):
    pid, master = pty.fork()
    if not pid:
        os.execv("/bin/sh", ["sh", "-c", "stty raw -echo; exec cat"])
    loop, ready = asyncio.get_running_loop(), asyncio.Queue()
    loop.add_reader(master, lambda: ready.put_nowait(os.read(master, 65536)))
    async def show():
        while True:
            await socket.send(await ready.get())
    showing = asyncio.create_task(show())
    try:
        async for message in socket:
            os.write(master, message)
    finally:
        showing.cancel()
        loop.remove_reader(master)
        os.close(master)
        os.waitpid(pid, 0)
async def main():
    async with serve(sit, "127.0.0.1", int(sys.argv[1]), compression=None) as server:
        await server.serve_forever()
asyncio.run(main())
'''
# Milliseconds of each key's echo.
CLIENT = r'''import asyncio, sys, time
from websockets.asyncio.client import connect
async def main(url, token, keys):
    async with connect(url, additional_headers={"Authorization": f"Bearer {token}"}, compression=None, proxy=None) as socket:
        async def echo():
            while True:
                message = await socket.recv()
                if isinstance(message, bytes) and b"x" in message:
                    return
        await asyncio.sleep(0.5)
        for _ in range(int(keys)):
            began = time.perf_counter()
            await socket.send(b"x")
            await echo()
            print((time.perf_counter() - began) * 1000)
asyncio.run(main(*sys.argv[1:]))
'''
TURN = r'''import asyncio, os, sys, time
from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, ResultMessage
async def main(program, turns):
    async def turn(client, text):
        await client.query(text)
        async for message in client.receive_response():
            if isinstance(message, ResultMessage) and message.is_error:
                raise SystemExit(message.result)
    began = time.perf_counter()
    client = ClaudeSDKClient(ClaudeAgentOptions(cli_path=program, cwd=os.getcwd()))
    await client.connect()
    await turn(client, "say: first")
    print((time.perf_counter() - began) * 1000)
    for number in range(int(turns)):
        began = time.perf_counter()
        await turn(client, f"say: {number}")
        print((time.perf_counter() - began) * 1000)
    await client.disconnect()
asyncio.run(main(*sys.argv[1:]))
'''


def numbers(home, script, *words, **more):
    """What a script prints, a number a line."""
    done = subprocess.run([harness.python(), "-c", script, *map(str, words)], env={**home.environment, **more}, cwd=home.work,
                          capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [float(line) for line in done.stdout.split()]


def web_echo(scaled):
    """Keys through a WebSocket"""
    keys = 200
    agent = harness.CHECKOUT / "Tests/Stub/terminal-agent"
    with Home(agent=str(agent), TERMINAL_AGENT='/bin/sh -c "stty raw -echo; exec cat"') as home, ExitStack() as stack:
        home.apus("up")
        home.apus("new", "t", "--here", "--terminal")
        door = doors.ours(home)
        port = harness.free_port()
        peer = subprocess.Popen([harness.python(), "-c", PEER, str(port)], env=home.environment, stdin=subprocess.DEVNULL)

        def end():
            peer.kill()
            peer.wait()

        stack.callback(end)
        ours = f"ws://127.0.0.1:{door.port}/v1/sessions/t/terminal?wish=lead"
        until = time.monotonic() + 10
        while True:
            try:
                numbers(home, CLIENT, f"ws://127.0.0.1:{port}/", "t", 1)
                break
            except RuntimeError:
                if time.monotonic() > until:
                    raise

        def measure(url):
            took = sorted(numbers(home, CLIENT, url, door.token, keys))
            return statistics.median(took), took[int(keys * 0.99)]

        mine, theirs = turns(scaled(8), lambda: measure(ours), lambda: measure(f"ws://127.0.0.1:{port}/"))
        name = "Python `websockets`, pty"
        rows = [Row(f"{what} of {keys} keys", "ms", [one[at] for one in mine], name, [one[at] for one in theirs])
                for at, what in enumerate(("median", "99th of a hundred"))]
        rows.append(Row("memory (PSS) of the server after it", "MB", [harness.pss(door.pid)], name, [harness.pss(peer.pid)]))
        return Subject(rows, "A key is sent as a binary message, and its echo is waited for; `cat` on a raw terminal is behind both. The"
                       " client is Python's `websockets` for both. Behind ours the terminal is kept, recorded and filtered, and"
                       " outlives the server; the peer's ends with the connection.")


def drop_in(scaled):
    """`apus-claude` under the SDK"""
    count = 8
    claude = harness.claude()
    with Home(agent=claude) as home:
        home.apus("up")
        more = {"PYTHONPATH": harness.sdk_path()}

        def measure(program):
            first, *rest = numbers(home, TURN, program, count, **more)
            return first, statistics.median(rest)

        mine, theirs = turns(scaled(8), lambda: measure(str(harness.PROGRAMS / "apus-claude")), lambda: measure(claude))
        return Subject([
            Row("from the start to the first answer", "ms", [one[0] for one in mine], "`claude`", [one[0] for one in theirs]),
            Row("a further turn", "ms", [one[1] for one in mine], "`claude`", [one[1] for one in theirs]),
        ], f"`ClaudeSDKClient` with `cli_path`, {count} turns after the first, against the model stub. Through `apus-claude` the agent"
           " runs in a keeper that records it, and lives on when the backend is killed.")


ALL = {"web-echo": web_echo, "drop-in": drop_in}
