"""Runs the command line in a process of its own and says what that took.

`python child.py RESULT ARGUMENT…` writes the seconds of a processor and the peak of memory, in
megabytes, to RESULT. Seconds of the wall would say how busy the machine is with something else.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from pathlib import Path

from modelctl.cli import main

ADDRESS_SPACE = 4 * 1024**3
SECONDS = 20


def run(result: Path, arguments: list[str]) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    code = main(arguments)
    # The peak of this program alone; ru_maxrss has that of what started it, too.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    used = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime + children.ru_utime + children.ru_stime
    result.write_text(json.dumps({"seconds": seconds, "megabytes": int(peak[1]) / 1024}))
    return code


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
