"""Runs a command and writes what it cost: `launcher.py RESULT_FILE COMMAND...`.

A small process of its own, without site-packages: Linux counts what a parent used before the
command began (its pages, between fork and exec) as the command's peak.
"""

import json
import os
import sys
import time
from pathlib import Path

result, *command = sys.argv[1:]
begun = time.perf_counter()
process = os.posix_spawn(command[0], command, os.environ)
_, status, usage = os.wait4(process, 0)
cost = {
    "seconds": time.perf_counter() - begun,
    "cpu_seconds": usage.ru_utime + usage.ru_stime,
    "peak_bytes": usage.ru_maxrss * 1024,
}
Path(result).write_text(json.dumps(cost))
sys.exit(os.waitstatus_to_exitcode(status))
