"""Readers for instance files of the routing literature: VRPLIB with its dialects, Solomon's format, Kim's waste collection.

`read_instance` tells them apart by their content. `docs/routing/instances.md` says how each is read and how its costs are counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from routing.errors import InstanceFormatError
from routing.instances.instance import Instance
from routing.instances.kim import read_kim
from routing.instances.solomon import read_solomon
from routing.instances.solution import Published, orders_of, read_solution, units_of
from routing.instances.vrplib import THOUSANDTHS, read_vrplib

__all__ = ["Instance", "Published", "load_instance", "orders_of", "read_instance", "read_solution", "text_of", "units_of"]

_READERS: tuple[tuple[str, Callable[[str], Instance]], ...] = (
    (r"^\s*(NODE_COORD_SECTION|EDGE_WEIGHT_\w+|DIMENSION)\b", read_vrplib),
    (r"^\s*CUST\s+NO\.", read_solomon),
    (r"^\W*Stop_ID\b", read_kim),
)


def load_instance(path: Path | str) -> Instance:
    """Read an instance file, and the best known value from the `.sol` file of the same name if there is one.

    Raises
    ------
    InstanceFormatError
        If the file is of none of the formats or breaks its own; the message names the file, the section or line, and what was expected.
    OSError
        If the file cannot be opened.
    """
    return read_instance(text_of(path), path)


def read_instance(text: str, path: Path | str | None = None) -> Instance:
    """The same from a text that was read already; `path` gives the name and the place to look for the `.sol` file.

    Raises
    ------
    InstanceFormatError
        As `load_instance`.
    """
    where = "the text" if path is None else Path(path).name
    with _named(where):
        instance = _reader_of(text)(text)
    if path is None:
        return instance
    beside = Path(path).with_suffix(".sol")
    if beside.is_file():
        with _named(beside.name):
            published = read_solution(text_of(beside))
        if instance.dialect == "CVRP" and not (published.cost or 0.0).is_integer():
            instance = read_vrplib(text, THOUSANDTHS)
        instance = instance.beside(published.cost, units=units_of(instance.problem, published.routes))
    return instance if instance.name else replace(instance, name=Path(path).stem)


def text_of(path: Path | str) -> str:
    """A file's text; old instance files are not always UTF-8, and what they say outside ASCII is only comment."""
    raw = Path(path).read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _reader_of(text: str) -> Callable[[str], Instance]:
    for mark, reader in _READERS:
        if re.search(mark, text, re.MULTILINE):
            return reader
    raise InstanceFormatError("neither our JSON, nor VRPLIB, nor Solomon's format, nor Kim's")


@contextmanager
def _named(where: str) -> Iterator[None]:
    try:
        yield
    except (InstanceFormatError, ValueError) as error:
        raise InstanceFormatError(f"{where}: {error}") from error
