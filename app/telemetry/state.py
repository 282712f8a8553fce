"""What a container's readings and lifts add up to: a fold over events in order of time, and the memory that lets it go on, or go back.

The memory keeps the fold as it stood at the last midnights (UTC). A reading or lift that comes late restarts it from the last mark
before that event, so that the state is always what a full replay gives while a replay rarely walks more than a day or two.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isnan
from typing import Any, NamedTuple

import msgspec

from forecasting.level import (
    DEFAULT_SENSOR,
    DOUBTED,
    IMPOSSIBLE,
    NEVER,
    SAME_LIFT_S,
    STUCK,
    UNKNOWN,
    LevelState,
    Sensor,
    Step,
    is_ghost,
    lift,
    step,
)

DAY_S = 86_400
MARKS_KEPT = 2

NO_ECHO, OVER_FULL, NEGATIVE = "no echo", "over 100 %", "negative"
FIRST_READING, JUMP, GHOST_ECHO, SENSOR_STUCK, SAME_SECOND = "first reading", "jump", "ghost echo", "stuck", "same second as another"
"""Why a reading's quality is below 4, in the operator's words."""

SENSORS: dict[str, Sensor] = {"stepped": Sensor(noise=0.06)}
"""Kinds of device that are noisier than an ultrasonic one: `stepped` reports a handful of levels only."""


def sensor_of(kind: str) -> Sensor:
    return SENSORS.get(kind, DEFAULT_SENSOR)


class Mark(NamedTuple):
    """The fold after every event up to and including the second `head_at`."""

    head_at: int = NEVER
    quality: int | None = None
    """Of the newest reading."""
    emptied_from: float | None = None
    """Level before the last emptying."""
    level: LevelState = UNKNOWN


START = Mark()


@dataclass(frozen=True, slots=True)
class Memory:
    """The fold now, and as it stood before."""

    now: Mark = START
    marks: tuple[Any, ...] = ()
    """Those that were read from the database are still packed: only a late event needs them."""

    def before(self, second: int) -> "Memory":
        """The memory as it was before anything at or after `second` had happened."""
        if self.now.head_at < second:
            return self
        for kept in range(len(self.marks) - 1, -1, -1):
            mark = _mark(self.marks[kept])
            if mark.head_at < second:
                return Memory(mark, self.marks[:kept])
        return Memory()

    @property
    def undecided_since(self) -> int:
        """From this second on an emptying may still be found: a fall that waits for confirmation lies before the head."""
        level = self.now.level
        return level.candidate_at if level.candidate_count else self.now.head_at + 1

    def packed(self) -> list[Any]:
        """As JSON holds it: lists, for their size; msgspec writes NaN as null."""
        return [self.now, self.marks]

    @classmethod
    def unpack(cls, stored: str | None) -> "Memory":
        if stored is None:
            return cls()
        now, marks = msgspec.json.decode(stored)
        return cls(_mark(now), tuple(marks))


def _mark(stored: Any) -> Mark:
    if isinstance(stored, Mark):
        return stored
    head_at, quality, emptied_from, level = stored
    named = dict(zip(LevelState._fields, level, strict=True))
    return Mark(head_at, quality, emptied_from, LevelState.from_json(named))


class Event(NamedTuple):
    """A lift or a reading. Events sort by second, lifts first; readings of one second by clock and device."""

    second: int
    is_reading: bool
    at_us: int
    device_id: int
    fill: float
    """Fraction of the full mark; NaN: no echo, or a lift."""
    quality: int
    """What is known without the filter."""
    sensor: Sensor
    subject: Any
    """Whom to tell: the new reading, the lift; None for a stored reading, whose row never changes."""


class Emptying(NamedTuple):
    """An emptying that the sensor saw: when, and how full the container was."""

    at: int
    fill_before: float


@dataclass(slots=True)
class Walk:
    """What a walk over events has found."""

    memory: Memory
    judged: list[tuple[Any, int, str | None]] = field(default_factory=list)
    """(new reading, quality, flag)."""
    lifted: list[tuple[Any, float | None]] = field(default_factory=list)
    """(lift, level before it)."""
    emptied: list[Emptying] = field(default_factory=list)


def walk(memory: Memory, events: Iterable[Event]) -> Walk:
    """Fold events, in order and none before the memory's head, into the memory."""
    walked = Walk(memory)
    (head, quality, emptied_from, level), marks = memory.now, memory.marks
    for event in events:
        second = event.second
        if head != NEVER and second // DAY_S != head // DAY_S:
            marks = (*marks[1 - MARKS_KEPT :], Mark(head, quality, emptied_from, level))
        before = level
        if event.is_reading:
            answer = step(level, second, event.fill, event.quality, event.sensor)
            quality = answer.quality
            if event.subject is not None:
                walked.judged.append((event.subject, quality, _flag(before, answer, event)))
            if answer.emptied_at is not None:
                emptied_from = before.level
                walked.emptied.append(Emptying(answer.emptied_at, emptied_from))
        else:
            answer = lift(level, second, event.sensor)
            if not _same_emptying(before, second):
                emptied_from = None if isnan(before.level) else before.level
            walked.lifted.append((event.subject, emptied_from))
        level = answer.state
        head = second
    walked.memory = Memory(Mark(head, quality, emptied_from, level), marks)
    return walked


def _same_emptying(level: LevelState, second: int) -> bool:
    return level.emptied_at != NEVER and abs(second - level.emptied_at) <= SAME_LIFT_S


def _flag(before: LevelState, answer: Step, event: Event) -> str | None:
    """Why the filter thinks less of a reading than was known without it."""
    if answer.quality in (event.quality, IMPOSSIBLE):
        return None
    if isnan(before.level):
        return FIRST_READING
    if answer.quality == DOUBTED:
        return GHOST_ECHO if event.fill > before.level and is_ghost(before.ghosts, event.fill) else JUMP
    if answer.quality == STUCK:
        return SAME_SECOND if event.second <= before.observed_at else SENSOR_STUCK
    return JUMP if answer.revised_since is not None else None
