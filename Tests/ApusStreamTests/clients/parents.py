"""Parents of clients that end in every way, many of each, several at a time.

    parents.py CLI WAY COUNT     WAY: kill, exit, exec, close

Says for each the process of its client and the code that one ended with.
"""
import os
import signal
import subprocess
import sys
import threading

CLI, WAY, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
WORDS = ["--output-format", "stream-json", "--input-format", "stream-json"]


def parent(told):
    """A process of several threads and some memory, whose end takes a while."""
    memory = bytearray(32 << 20)
    memory[:: 4096] = b"x" * len(memory[:: 4096])
    for _ in range(3):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    child = subprocess.Popen([CLI, *WORDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdin.write(b"hello\n")
    child.stdin.flush()
    assert child.stdout.readline() == b"hello\n"
    os.write(told, b"%d\n" % child.pid)
    if WAY == "close":
        child.stdin.close()
        os.write(told, b"%d\n" % child.wait())
        os._exit(0)
    if WAY == "exit":
        os._exit(0)
    if WAY == "exec":
        os.execv("/bin/sleep", ["sleep", "30"])
    signal.pause()


def one():
    ours, theirs = os.pipe()
    pid = subprocess.Popen(
        [sys.executable, __file__, CLI, "parent-" + WAY, str(theirs)], pass_fds=[theirs], process_group=0)
    os.close(theirs)
    with os.fdopen(ours) as told:
        client = int(told.readline())
        if WAY == "kill":
            os.kill(pid.pid, signal.SIGKILL)
        code = told.readline().strip() if WAY == "close" else ""
        watch = None
        try:
            watch = os.pidfd_open(client)
        except ProcessLookupError:
            pass
        if watch is not None:
            import select
            assert select.select([watch], [], [], 20)[0], "the client did not end"
            os.close(watch)
        if WAY == "exec":
            os.kill(pid.pid, signal.SIGKILL)
    pid.wait()
    print(client, code, flush=True)


if WAY.startswith("parent-"):
    WAY = WAY[len("parent-"):]
    parent(COUNT)
limit = threading.Semaphore(4)


def bounded():
    with limit:
        one()


all_of_them = [threading.Thread(target=bounded) for _ in range(COUNT)]
for thread in all_of_them:
    thread.start()
for thread in all_of_them:
    thread.join()
