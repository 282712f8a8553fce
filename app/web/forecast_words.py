"""What a dispatcher reads of a container's forecast: how it was made, how good it has been, and why a reading is or is not believed."""

from collections import Counter
from collections.abc import Sequence

from app.forecasts.told import Told
from app.telemetry.models import ContainerState, Measurement
from app.web.formats import moment

QUALITY = (
    "not believed at all: it cannot be a fill",
    "doubted: it stands apart from what came before, and nothing has confirmed it yet",
    "taken with care: the sensor has said the same for suspiciously long",
    "believed, and not yet settled: it is the first one, or the first after a jump",
    "believed fully",
)
"""By quality, 0 to 4."""
MEASURED_H = 24
SAME_POINTS = 0.05


def why_quality(state: ContainerState | None, readings: Sequence[Measurement]) -> str:
    """The newest reading's standing, and what was wrong with those of the weeks that are shown."""
    if state is None or state.quality is None:
        return "No sensor has said anything of this container: its fill is reckoned from its lifts, its neighbours and what is thrown in."
    newest = f"Quality {state.quality} of 4: the newest reading is {QUALITY[state.quality]}."
    if not readings:
        return f"{newest} There is none of the last three weeks."
    doubted = [reading for reading in readings if reading.quality < len(QUALITY) - 1]
    if not doubted:
        return f"{newest} So were all {len(readings):,} readings of the last three weeks." if state.quality == 4 else newest
    why = Counter(flag for reading in doubted for flag in reading.flags or ())
    reasons = ", ".join(f"{flag} {count:,}" for flag, count in why.most_common(4))
    said = f"{newest} Of {len(readings):,} readings of the last three weeks {len(doubted):,} count for less"
    return f"{said} ({reasons})." if reasons else f"{said}."


def when_full(told: Told, timezone: str) -> str:
    """When it will be full if nobody empties it, with the interval that says how sure that is."""
    full = told.full
    if full.early_at is None:
        return "It will hardly be full within a week."
    early = f"in one case of ten it is full before {moment(full.early_at, timezone)}"
    if full.middle_at is None:
        return f"It will probably not be full within a week; {early}."
    late = "not within a week" if full.late_at is None else f"not before {moment(full.late_at, timezone)}"
    return f"Full about {moment(full.middle_at, timezone)}, if nobody empties it; {early}, in one {late}."


def how_forecast(told: Told, state: ContainerState | None) -> str:
    """Which method spoke for the container, and why that one."""
    match told.method:
        case "model":
            return "By the model that has learned from all containers of the tenant."
        case "prior":
            return "By what holds of containers in general: nobody has ever said anything of this one."
    if state is None or state.observed_at is None:
        return "By the rate that its lifts and its neighbours tell, for no sensor does."
    record = next((one for one in told.records if one.horizon_h == MEASURED_H), None)
    if record is not None and record.naive_mae_pct < record.mae_pct:
        return "By its own mean rate: the model has lately been worse here."
    return "By its own mean rate, drawn to that of its class: its history is short, or the model has been no better here."


def how_good(told: Told) -> str:
    """Its own record in a sentence; that of the model in general, where it has none yet."""
    record = next((one for one in told.records if one.horizon_h == MEASURED_H), None)
    if record is None:
        return f"None of its forecasts has come due yet.{_in_general(told)}"
    nights = "1 night" if record.nights == 1 else f"{record.nights} nights"
    own = f"Over {nights} its forecasts of a day ahead were {record.mae_pct:.1f} points off, the naive ones {record.naive_mae_pct:.1f}"
    return f"{own}: {_compared(record.mae_pct, record.naive_mae_pct)}."


def _compared(ours: float, naive: float) -> str:
    if abs(ours - naive) < SAME_POINTS:
        return "as good as each other"
    return "the forecasts were better" if ours < naive else "the naive ones were better"


def _in_general(told: Told) -> str:
    found = {name: scores.get(str(MEASURED_H)) for name, scores in told.backtest.items()}
    ours, naive = found.get("model"), found.get("mean_rate")
    if ours is None or naive is None:
        return ""
    return f" Tried on the tenant's last weeks, the model was {ours:.1f} points off after a day, the mean rate {naive:.1f}."
