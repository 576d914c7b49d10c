"""Real cgroups of a test's own, and loads that run in them."""

import contextlib
import os
import signal
import subprocess
import uuid

from tests.testbed.cgroup import remove_cgroup, unified_root
from tests.testbed.part import MissingPartError

BURN = "import sys, time\nwhile time.process_time() < float(sys.argv[1]): pass"


class OwnCgroup:
    """A cgroup in the unified hierarchy; what is left running in it at the end is killed."""

    def __init__(self):
        self.name = f"joulefit-test-{uuid.uuid4().hex[:12]}"
        self.folder = unified_root() / self.name
        self._processes = []

    def __enter__(self):
        try:
            self.folder.mkdir()
        except OSError as error:
            raise MissingPartError(f"no right to make cgroups ({error}); run as root") from error
        return self

    def __exit__(self, *_):
        for process in self._processes:
            if process.poll() is None:
                # The process leads a group of its own: whatever it started ends with it.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        remove_cgroup(self.name)

    @property
    def id(self):
        return self.folder.stat().st_ino

    def child(self, name):
        folder = self.folder / name
        folder.mkdir()
        return folder

    def start(self, *command, folder=None, **options):
        """A process that is in the cgroup before it becomes the command."""
        join = f'echo $$ > {(folder or self.folder) / "cgroup.procs"} && exec "$@"'
        process = subprocess.Popen(
            ["sh", "-c", join, "sh", *map(str, command)], start_new_session=True, **options
        )
        self._processes.append(process)
        return process

    def run(self, *command, folder=None):
        assert self.start(*command, folder=folder).wait(120) == 0

    def usage_seconds(self):
        """What the kernel's accounting says."""
        words = (self.folder / "cpu.stat").read_text().split()
        return int(words[words.index("usage_usec") + 1]) / 1e6


def seconds_of(reading, group):
    """CPU seconds of one row."""
    if group not in reading.groups:
        return 0.0
    return float(reading.cpu_ns[reading.groups.index(group)].sum()) / 1e9
