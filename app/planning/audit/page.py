"""The report as one page that can be printed and mailed: nothing is fetched, no script runs."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from app.planning.audit import contents
from app.planning.audit.charts import frontier_chart, money_chart, sensor_chart
from app.planning.audit.contents import MOST_SENSORS, TITLE, Table
from app.planning.audit.finding import Finding

STYLE = """
:root { color-scheme: light dark; --ink: #1c2420; --paper: #ffffff; --quiet: #5d6a64; --rule: #d5dcd8;
  --a: #0072b2; --b: #007a58; --c: #b35c00; --d: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ece9; --paper: #141a17; --quiet: #9aa8a1; --rule: #35403a; --a: #56b4e9; --b: #2fc79a; --c: #e69f00; --d: #ff8a80; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; }
h2 { margin-top: 2.5rem; }
.verdict { font-size: 1.3rem; border-left: .4rem solid var(--a); padding: .5rem 1rem; margin: 1.5rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; font-weight: 600; padding: .6rem 0; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--rule); font-variant-numeric: tabular-nums; }
th:first-child, td:first-child, .words th, .words td { text-align: left; }
thead th { color: var(--quiet); font-weight: 600; vertical-align: bottom; }
svg { width: 100%; max-width: 45rem; height: auto; }
svg text { font-size: 12px; fill: var(--ink); }
.a { fill: var(--a); stroke: var(--a); }
.b { fill: var(--b); stroke: var(--b); }
.c { fill: var(--c); stroke: var(--c); }
.d { fill: var(--d); stroke: var(--d); }
.line { fill: none; stroke-width: 2; }
.axis { stroke: var(--quiet); }
.grid { stroke: var(--rule); }
.mark { stroke: var(--ink); stroke-dasharray: 4 4; }
.today { fill: none; stroke: var(--ink); stroke-width: 2; }
.whisker { stroke: var(--ink); stroke-width: 2; }
@media print {
  :root { color-scheme: light; --ink: #000000; --paper: #ffffff; --quiet: #444444; --rule: #bbbbbb;
    --a: #0072b2; --b: #007a58; --c: #b35c00; --d: #b3261e; }
  body { max-width: none; margin: 0; font-size: 11pt; }
  .wide { overflow: visible; }
  tr, svg { break-inside: avoid; }
  h2 { break-after: avoid; }
}
@page { margin: 18mm; }
"""


def html_report(finding: Finding, *, currency: str) -> str:
    """The whole page."""
    title = f"{TITLE} – {finding.study.town.name}"
    sections = (
        _section("The answers", _list(contents.conclusions(finding))),
        _section("Kilometres and overflow", frontier_chart(finding), _table(contents.ways(finding)), _table(contents.levels(finding))),
        _section(f"Money, in {currency}", money_chart(finding), _table(contents.money(finding))),
        _section("What costs nothing", _table(contents.areas(finding))),
        _section("Sensors", sensor_chart(finding, MOST_SENSORS), _table(contents.sensors(finding))),
        _section("How good the data are", _list(finding.past.notes)),
        _section("Limits", _list(contents.limits(finding))),
        _section("Assumptions and where they come from", _table(contents.assumptions(finding, currency))),
        _section("All plans", _table(contents.curves(finding))),
    )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
    begin = f'<h1>{TITLE}</h1><p class="verdict">{escape(finding.verdict.sentence)}</p>{_list(contents.introduction(finding))}'
    body = f"<main>{begin}{''.join(sections)}</main>"
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>\n'


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def _list(sentences: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in sentences)}</ul>"


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    kind = ' class="words"' if table.words else ""
    caption = f"<caption>{escape(table.title)}</caption>"
    return f'<div class="wide"><table{kind}>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
