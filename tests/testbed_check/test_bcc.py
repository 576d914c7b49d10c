"""The bcc and the kernel headers that install.sh gets make a program that this kernel takes."""

import os
import subprocess

import pytest

from tests.testbed.part import INSTALL_COMMAND, MissingPartError, kernel_headers, require_bcc

# The header is of the half that all configurations share; it needs some of the generated ones.
PROGRAM = """
from bcc import BPF
text = '''
#include <linux/sched.h>
BPF_ARRAY(switches, u64, 1);
RAW_TRACEPOINT_PROBE(sched_switch) { switches.increment(0); return 0; }
'''
program = BPF(text=text)
import time
time.sleep(0.01)
print(program["switches"][0].value)
"""


def test_a_program_is_compiled_loaded_and_run():
    if os.geteuid() != 0:
        raise MissingPartError("programs in the kernel need root; run the tests as root")
    environment = os.environ | {"BCC_KERNEL_SOURCE": str(kernel_headers())}
    done = subprocess.run(
        [require_bcc(), "-c", PROGRAM], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_absent_headers_say_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.delenv("BCC_KERNEL_SOURCE", raising=False)
    monkeypatch.setenv("JOULEFIT_TESTBED_CACHE", str(tmp_path))
    with pytest.raises(MissingPartError, match=INSTALL_COMMAND):
        kernel_headers()


def test_headers_that_the_user_names_are_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("BCC_KERNEL_SOURCE", str(tmp_path))
    assert kernel_headers() == tmp_path
