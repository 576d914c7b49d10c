"""The collector as a container runs it: all capabilities dropped but those that are named."""

import os
import subprocess
import sys
from pathlib import Path

from tests.testbed.part import MissingPartError, kernel_headers, require_bcc, require_program

ROOT = Path(__file__).parents[3]
NEEDED = ("bpf", "perfmon", "dac_read_search")
NOBODY = 65534


def require_rights():
    """Raises MissingPartError where nothing can be dropped, or nothing can be loaded."""
    if os.geteuid() != 0:
        raise MissingPartError("dropping single capabilities wants root: run the tests as root")
    require_bcc()
    kernel_headers()


def command_with(capabilities, *command, user=0):
    """The command as `user` with these capabilities alone, and no way to get others."""
    only = ",".join(["-all", *(f"+{each}" for each in capabilities)])
    dropped = [str(require_program("setpriv")), "--no-new-privs", f"--bounding-set={only}"]
    if user:
        dropped += [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        dropped += [f"--inh-caps={only}", f"--ambient-caps={only}"]
    else:  # root gets what its bounding set leaves
        dropped += ["--inh-caps=-all"]
    return [*dropped, "--", *map(str, command)]


def collector(*arguments):
    return [sys.executable, "-m", "collector", *map(str, arguments)]


def environment(**more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("JOULEFIT_")}
    return kept | {"BCC_KERNEL_SOURCE": str(kernel_headers())} | more


def run(command, **more):
    """What a command says, and its exit code."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr, done.returncode
