"""An instance of the literature: the problem as ours, and how our costs become the numbers that papers print."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from routing.instances.figures import Floats
from routing.plan import Plan
from routing.problem import Problem


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A problem with its name, its best known value and its convention of counting costs.

    Parameters
    ----------
    dialect
        Of which kind it is, as its file says ("CVRP", "PCVRPTW", "Kim").
    rules
        How its rules were read, for whoever compares with another reading.
    unit
        What `literature_cost` counts: "distance", "miles".
    divisors
        How many of the problem's cost units may make one in print; the usual one first. Collections print the same costs sometimes
        in whole scaled units and sometimes in the file's own with decimals: a published value decides (`beside`).
    best_known
        The best value known, as printed, or None.
    xy
        Where each location lies, in the file's own units, for pictures alone; shape (n, 2). None where the file does not say.
    """

    name: str
    problem: Problem
    dialect: str
    rules: str
    unit: str = "distance"
    divisors: tuple[int, ...] = (1,)
    best_known: float | None = None
    xy: Floats | None = field(default=None, compare=False, repr=False)

    def literature_cost(self, plan: Plan) -> float:
        """The plan's cost in the instance's own convention; where stops have prizes, those passed up are in it."""
        left = {one.stop for one in plan.unserved}
        return self.in_print(plan.cost + sum(stop.prize or 0 for stop in self.problem.stops if stop.key in left))

    def in_print(self, units: int) -> float:
        """So many cost units (a plan's cost, a bound) in the instance's own convention."""
        return units / self.divisors[0]

    def gap_pct(self, printed: float) -> float | None:
        """How far a printed cost lies above the best known, in per cent; None where no best is known."""
        return None if not self.best_known else 100 * (printed / self.best_known - 1)

    def beside(self, best_known: float | None, *, units: int | None = None) -> Instance:
        """The same with a published best value, counted as that value is.

        Parameters
        ----------
        best_known
            As printed, in any of the conventions in use for this kind of instance; None changes nothing.
        units
            What the published routes cost in the problem's units, which tells the convention for certain. Without it, a value
            with decimals cannot be one in whole units.
        """
        if best_known is None:
            return self
        if units and best_known > 0:
            usual = min(self.divisors, key=lambda divisor: abs(units / divisor / best_known - 1))
        else:
            usual = self.divisors[0] if best_known == int(best_known) else max(self.divisors)
        others = tuple(divisor for divisor in self.divisors if divisor != usual)
        return replace(self, best_known=best_known, divisors=(usual, *others))
