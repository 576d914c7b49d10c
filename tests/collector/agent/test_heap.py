"""What the collector gives back to the kernel, and what it must not."""

from __future__ import annotations

import json
import subprocess
import sys

from collector.heap import find_clean_mappings

SMAPS = """\
7f0000000000-7f0000001000 r-xp 00000000 fe:00 1    /usr/lib/libcode.so
Size:                  4 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
7f0000002000-7f0000004000 r--p 00000000 fe:00 1    /usr/lib/librelocated.so
Anonymous:             8 kB
7f0000005000-7f0000006000 rw-p 00000000 fe:00 1    /usr/lib/libdata.so
Anonymous:             0 kB
7f0000007000-7f0000008000 r--p 00000000 00:00 0
Anonymous:             0 kB
7f0000009000-7f000000b000 r--p 00000000 fe:00 1    /usr/lib/with space.so
Anonymous:             0 kB
7ffd00000000-7ffd00001000 r-xp 00000000 00:00 0    [vdso]
Anonymous:             0 kB
"""
SHRINK = """
import ctypes, decimal, json, ssl, sys
from collector.heap import forget_start, keep_heap_small
def resident_files():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))
keep_heap_small()
before = resident_files()
forget_start()
after = resident_files()
ssl.create_default_context()
print(json.dumps([before, after, str(decimal.Decimal("1") / 3), sorted(range(1000))[-1]]))
"""


def test_only_clean_pages_of_files_are_given_back():
    assert list(find_clean_mappings(SMAPS)) == [
        (0x7F0000000000, 0x7F0000001000),
        (0x7F0000009000, 0x7F000000B000),
    ]


def test_a_process_that_forgot_its_start_is_smaller_and_works_on():
    done = subprocess.run(
        [sys.executable, "-c", SHRINK], capture_output=True, text=True, check=True
    )
    before, after, third, last = json.loads(done.stdout)
    assert after < 0.7 * before
    assert third == "0.3333333333333333333333333333"
    assert last == 999
