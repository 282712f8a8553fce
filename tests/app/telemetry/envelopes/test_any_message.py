"""Whatever JSON comes, a message, a reason to skip it, or an error that names a field."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.telemetry.envelopes import EnvelopeError, Message, Skipped, chirpstack, ngsi, sigfox, thingpark, tts
from tests.app.telemetry.envelopes import examples
from tests.app.telemetry.unhurried import UNHURRIED

RECEIVED = datetime(2026, 11, 22, 20, tzinfo=UTC)
READERS: list[tuple[Callable[[object], object], Callable[[], dict[str, Any]]]] = [
    (tts.read, examples.tts),
    (chirpstack.read, examples.chirpstack),
    (thingpark.read, examples.thingpark),
    (lambda body: thingpark.check_token(body, examples.PORTAL_QUERY, examples.PORTAL_KEY), examples.portal),
    (sigfox.read, examples.sigfox),
    (ngsi.read_ld, examples.ngsi_ld),
    (lambda body: ngsi.read_v2(body, RECEIVED), examples.ngsi_v2),
]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.integers(10**300, 10**301)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2), max_leaves=5
)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a message."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@UNHURRIED
@given(st.sampled_from(READERS), st.data())
def test_an_example_with_anything_in_place_of_something(
    reader: tuple[Callable[[object], object], Callable[[], dict[str, Any]]], data: st.DataObject
):
    read, example = reader
    body: Any = {"": example()}
    *outer, last = ("", *data.draw(st.sampled_from(places(body[""]))))
    place = body
    for key in outer:
        place = place[key]
    place[last] = data.draw(JSON)
    try:
        read(body[""])
    except EnvelopeError as error:
        assert error.problem
        assert error.mend


@UNHURRIED
@given(st.sampled_from(READERS), JSON)
def test_anything(reader: tuple[Callable[[object], object], Callable[[], dict[str, Any]]], body: object):
    try:
        reader[0](body)
    except EnvelopeError as error:
        assert str(error)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("tts_v3_uplink", tts.read),
        ("chirpstack_v4_up", chirpstack.read),
        ("thingpark_deveui_uplink", thingpark.read),
        ("sigfox_callback", sigfox.read),
        ("ngsi_ld_notification", ngsi.read_ld),
        ("ngsi_v2_notification", lambda body: ngsi.read_v2(body, RECEIVED)),
    ],
)
def test_whole_messages_as_they_were_captured(shared_data: Path, name: str, read: Callable[[object], object]):
    body = json.loads((shared_data / "standards" / "webhooks" / f"{name}.json").read_text())["body"]
    found = read(body)
    for one in found if isinstance(found, list) else [found]:
        assert isinstance(one, Message)
        assert not isinstance(one, Skipped)
