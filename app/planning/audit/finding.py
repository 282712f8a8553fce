"""What an audit finds: the same weeks under today's plan, better weekdays, sensors, and by somebody who knows the future."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from app.planning.audit.money import Money, money_of
from app.planning.audit.past import Past
from app.planning.audit.prices import Prices
from app.planning.audit.sensors import MOST_REPLAYED, SensorWorth, shared_out, worths
from app.planning.audit.service import Days, Interval, Mix, Use, all_days, mix_at, with_interval
from app.planning.audit.tonnes import Floor, floor_of
from app.planning.audit.verdict import Verdict, verdict_of
from app.planning.twin.frontier import Capture
from app.planning.twin.kept import Desk
from app.planning.twin.replay import Outcome
from app.planning.twin.study import Study, captures, run_arm, run_study

ARMS = ("trimmed", "fixed", "ours", "clairvoyant")
OURS_SOME = "ours, some sensors"


@dataclass(frozen=True, eq=False)
class Step:
    """From one way of working to the next, at equal service."""

    before: Mix
    after: Mix
    used: tuple[Use, Use]
    money: Money


@dataclass(frozen=True, eq=False)
class Finding:
    """All that the report says.

    Parameters
    ----------
    overflow_share
        The service level at which all are held against each other.
    free, sensors, some, perfect
        Today to better weekdays; from those to sensors on all containers, on those that deserve one (None where that is all or nobody),
        and to knowing the future.
    levels
        The same comparison at other service levels.
    attainable_pct
        What knowing the future saves beyond better weekdays, in percent of their figure (km or cost).
    """

    past: Past
    study: Study
    prices: Prices
    outcomes: dict[str, list[Outcome]]
    overflow_share: float
    free: Step
    sensors: Step
    some: Step | None
    perfect: Step
    attainable_pct: Interval
    captured_pct: Interval
    levels: tuple[Capture, ...]
    floor: Floor
    worth: tuple[SensorWorth, ...]
    verdict: Verdict


def audit(past: Past, study: Study, prices: Prices, executor: Executor, *, kept: Path | None = None) -> Finding:
    """Replay and compare; what is done is kept in the folder, if there is one."""
    outcomes = run_study(study, ARMS, executor, kept=kept)
    arms = _Arms(study, prices, outcomes)
    containers = len(study.town.keys)
    sensors = arms.step(arms.free, arms.ours("ours"), sensors=containers)
    worth = worths(study, _saved_by_sensor(study, arms, sensors, executor), prices)
    some = _with_some(study, arms, worth, executor, kept)
    free, perfect = arms.step(arms.today, arms.free), arms.step(arms.free, arms.perfect)
    return Finding(
        past=past,
        study=study,
        prices=prices,
        outcomes=outcomes,
        overflow_share=arms.level(arms.days),
        free=free,
        sensors=sensors,
        some=some,
        perfect=perfect,
        attainable_pct=arms.share_saved(arms.perfect),
        captured_pct=arms.share_saved(arms.ours("ours")),
        levels=tuple(captures(outcomes, figure=study.figure)),
        floor=floor_of(study, prices),
        worth=worth,
        verdict=verdict_of(
            free.money,
            options={containers: sensors.money} | ({sum(one.deserves for one in worth): some.money} if some else {}),
            containers=containers,
            free_share=1 - free.used[1].km / free.used[0].km if free.used[0].km else 0.0,
        ),
    )


Choice = Callable[[Days], Mix]


class _Arms:
    """The arms at the service level of today's plan, on any days."""

    def __init__(self, study: Study, prices: Prices, outcomes: dict[str, list[Outcome]]) -> None:
        self.study, self.prices, self.outcomes = study, prices, outcomes
        self.own = outcomes["trimmed"][0]
        self.days = all_days(self.own)

    def level(self, days: Days) -> float:
        """Today's overflow, or what is tolerated anyway."""
        return max(self.prices.tolerated_overflow, float(self.own.overflowing[days].mean()) / self.own.containers)

    def today(self, _: Days) -> Mix:
        return Mix(((self.own, 1.0),))

    def free(self, days: Days) -> Mix:
        """The best plan of fixed weekdays; today's is one of them, so there always is one."""
        return self._at([*self.outcomes["fixed"], *self.outcomes["trimmed"]], days) or self.today(days)

    def ours(self, arm: str) -> Choice:
        """With sensors; where they do not serve as well, fixed weekdays are what is left."""
        return lambda days: self._at(self.outcomes[arm], days) or self.free(days)

    def perfect(self, days: Days) -> Mix:
        """Who knows the future may as well drive fixed weekdays."""
        known = [*self.outcomes["clairvoyant"], *self.outcomes["fixed"], *self.outcomes["trimmed"]]
        return self._at(known, days) or self.today(days)

    def step(self, before: Choice, after: Choice, *, sensors: int = 0) -> Step:
        def uses(days: Days) -> tuple[Use, Use]:
            return self._use(before, days), self._use(after, days)

        money = money_of(len(self.days), uses, self.prices, sensors=sensors)
        return Step(before(self.days), after(self.days), uses(self.days), money)

    def share_saved(self, after: Choice) -> Interval:
        """Of the best fixed plan's figure, in percent."""
        name = self.study.figure

        def saved(days: Days) -> float:
            fixed, then = (float(getattr(self._use(one, days), name)) for one in (self.free, after))
            return 100 * (fixed - then) / fixed if fixed else 0.0

        return with_interval(len(self.days), saved)

    def _use(self, choice: Choice, days: Days) -> Use:
        return choice(days).use(days, self.prices, self.study.town.work.speed_kmh)

    def _at(self, arm: Sequence[Outcome], days: Days) -> Mix | None:
        return mix_at(arm, self.level(days), days, self.study.figure)


def _gross(money: Money) -> float:
    return money.at_once.value + money.cash


def _saved_by_sensor(study: Study, arms: _Arms, sensors: Step, executor: Executor) -> list[float]:
    """By container, a year: replayed without it in a small town, else shared out."""
    gross, containers = _gross(sensors.money), len(study.town.keys)
    if containers > MOST_REPLAYED or gross <= 0:
        return shared_out(study, gross)
    silenced = [frozenset({i}) for i in range(containers)]
    lost = []
    for number, outcomes in enumerate(executor.map(partial(_ours_without, study), silenced)):
        arms.outcomes[f"ours without {number}"] = outcomes
        lost.append(gross - _gross(arms.step(arms.free, arms.ours(f"ours without {number}")).money))
        del arms.outcomes[f"ours without {number}"]
    return [max(0.0, one) for one in lost]


def _with_some(study: Study, arms: _Arms, worth: Sequence[SensorWorth], executor: Executor, kept: Path | None) -> Step | None:
    """The weeks once more, with sensors on those containers alone that deserve one."""
    deserving = {one.container for one in worth if one.deserves}
    if not 0 < len(deserving) < len(worth):
        return None
    silent = frozenset(i for i, key in enumerate(study.town.keys) if key not in deserving)
    arms.outcomes[OURS_SOME] = executor.submit(_ours_without, study, silent, kept).result()
    return arms.step(arms.free, arms.ours(OURS_SOME), sensors=len(deserving))


def _ours_without(study: Study, silent: frozenset[int], kept: Path | None = None) -> list[Outcome]:
    quiet = replace(study, sensors=replace(study.sensors, silent=silent))
    return run_arm("ours", quiet, desk=None if kept is None else Desk(kept, quiet.mark))
