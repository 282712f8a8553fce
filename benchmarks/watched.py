"""A step of a benchmark in a process of its own: what it says, and the most memory that it and its children had at once."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOOK_EVERY_S = 1.0

Facts = dict[str, Any]


def run_watched(module: str, words: Sequence[str]) -> Facts:
    """The last line that `python -m module words` prints, as JSON, with `peak_mib` added; what it prints before is passed on."""
    child = subprocess.Popen([sys.executable, "-m", module, *words], stdout=subprocess.PIPE, text=True)
    peak = _Peak(child.pid)
    assert child.stdout is not None
    last = ""
    for line in child.stdout:
        if last:
            print(last, flush=True)
        last = line.rstrip()
    if child.wait() != 0:
        raise RuntimeError(f"{module} {' '.join(words)} ended with {child.returncode}")
    facts: Facts = json.loads(last)
    return facts | {"peak_mib": peak.mib}


class _Peak:
    """Looks at a process and its children until they are gone. Pages that several of them share count once."""

    def __init__(self, pid: int) -> None:
        self.mib = 0.0
        self._pid, self._gone = pid, threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while Path(f"/proc/{self._pid}").exists():
            self.mib = max(self.mib, sum(map(_share_mib, _family(self._pid))))
            self._gone.wait(LOOK_EVERY_S)


def _family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        parents[int(status.parent.name)] = int(after_name[1])
    found = [pid]
    for one in found:
        found.extend(child for child, parent in parents.items() if parent == one)
    return found


def _share_mib(pid: int) -> float:
    """Resident memory of one process; of pages that others have as well its part."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1_024
