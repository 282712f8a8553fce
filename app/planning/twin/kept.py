"""A study's desk: outcomes that are kept so that nothing is replayed twice, and how far each arm is.

It is a folder, because arms run in processes of their own. What is kept is filed under a mark of all that a replay depends on: another
town, seed or span finds nothing. The code is no part of the mark; who has changed it takes another folder.
"""

from __future__ import annotations

from dataclasses import fields
from hashlib import sha256
from pathlib import Path

import numpy as np

from app.planning.twin.inflow import DailyInflow
from app.planning.twin.replay import Outcome
from app.planning.twin.town import Town


class Desk:
    """Where a study keeps what it has found.

    Parameters
    ----------
    folder
        Made if it is not there.
    mark
        Of all that outcomes depend on (`mark_of`).
    """

    def __init__(self, folder: Path, mark: str) -> None:
        self.folder = folder / mark
        self.folder.mkdir(parents=True, exist_ok=True)

    def find(self, arm: str, number: int, policy: str) -> Outcome | None:
        """What the arm's policy of that number came to; None where it was not replayed to its end."""
        file = self._file(arm, number)
        if not file.exists():
            return None
        with np.load(file, allow_pickle=False) as kept:
            if str(kept["policy"]) != policy:
                return None
            whole = {name: kept[name] for name in kept.files}
        return Outcome(**{**whole, "policy": policy, "containers": int(whole["containers"]), "left": float(whole["left"])})

    def keep(self, arm: str, number: int, outcome: Outcome) -> None:
        """In one move: an outcome is there whole or not at all."""
        file = self._file(arm, number)
        half = file.with_suffix(".half")
        with half.open("wb") as opened:
            np.savez_compressed(opened, **{one.name: getattr(outcome, one.name) for one in fields(outcome)})
        half.replace(file)

    def begin(self) -> None:
        """What a former run left unfinished is forgotten."""
        for file in (*self.folder.glob("*.days"), *self.folder.glob("*.half")):
            file.unlink(missing_ok=True)

    def day_done(self, arm: str, days: int = 1) -> None:
        """Count it."""
        with (self.folder / f"{arm}.days").open("ab") as counter:
            counter.write(b"." * days)

    def days_done(self, arm: str) -> int:
        counter = self.folder / f"{arm}.days"
        return counter.stat().st_size if counter.exists() else 0

    def _file(self, arm: str, number: int) -> Path:
        return self.folder / f"{arm}-{number}.npz"


def mark_of(town: Town, inflow: DailyInflow, *settings: object) -> str:
    """The same for the same town, inflow and settings, whose words say what they are."""
    digest = sha256()
    for part in (town.place_of, town.distance_m, inflow.added, inflow.imputed):
        digest.update(np.ascontiguousarray(part).tobytes())
    digest.update(repr((town.keys, town.costs, town.work, inflow.first_day, *settings)).encode())
    return digest.hexdigest()[:16]
