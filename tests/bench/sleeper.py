"""Processes that mostly sleep: reads a plan as one line of JSON, starts them, says `ready`.

The plan is a list of [cgroup.procs files, number of processes, mean seconds of sleep]. Forked
without an exec they share their memory, so that 2,000 of them fit into any machine. Those of one
cgroup are forked by their first, which was moved there: moving costs the kernel milliseconds.
All end when their starter does, for then nobody holds the other end of their pipe.
"""

import json
import os
import random
import select
import socket
import sys
from pathlib import Path


def sleep_and_wake(lifeline, pause, seed):
    chance = random.Random(seed)
    while not select.select([lifeline], [], [], pause * (0.5 + chance.random()))[0]:
        sum(range(200))


def lead(channel, lifeline, count, pause, seed):
    """Waits until it was moved, forks the others, says so, and sleeps as they do."""
    channel.recv(1)
    for each in range(1, count):
        if os.fork() == 0:
            channel.close()
            return sleep_and_wake(lifeline, pause, seed + each)
    channel.send(b".")
    channel.close()
    return sleep_and_wake(lifeline, pause, seed)


def start_group(files, count, pause, *, pipe, seed):
    """One cgroup's processes; returns when all are in it."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            os.close(pipe[1])
            lead(theirs, pipe[0], count, pause, seed)
        finally:
            os._exit(0)
    for path in files:
        Path(path).write_text(str(pid))
    with ours, theirs:
        ours.send(b".")
        ours.recv(1)


def main():
    plan = json.loads(sys.stdin.buffer.readline())
    pipe = os.pipe()
    for number, (files, count, pause) in enumerate(plan):
        start_group(files, count, pause, pipe=pipe, seed=1000 * number)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()


main()
