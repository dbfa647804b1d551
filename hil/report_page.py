"""The report as one HTML page: a summary, then each scenario with its times and its curves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from importlib.resources import files

from chargepoint.catalog import entries
from hil.plot import plot
from hil.report import Run, words
from hil.scenarios.plan import GROUPS
from hil.scenarios.scenario import Measured
from hil.sim_rig import Outcome
from hil.stage import to_toml

LEGEND = (
    ("high", "pilot, positive half-wave"),
    ("low", "negative half-wave"),
    ("contact", "main contact"),
    ("command", "command on the wire"),
    ("current", "largest phase current"),
    ("offered", "offered by the pilot"),
)


def page(run: Run) -> str:
    """The whole page."""
    style = files("hil").joinpath("page", "report.css").read_text("utf-8")
    body = "".join((*_head(run), *_overview(run), *_scenarios(run), *_foot(run)))
    title = f"HIL report {escape(run.commit)}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{style}</style></head><body><main>{body}</main></body></html>"
    )


def _head(run: Run) -> Iterator[str]:
    failed = run.count("failed") + run.count("broken")
    verdict = "failed" if failed else "passed"
    counts = [(word, run.count(word)) for word in ("passed", "failed", "broken", "skipped")]
    badges = "".join(
        f'<span class="badge {word}">{number} {word}</span>' for word, number in counts if number
    )
    facts = (
        ("Commit", run.commit or "unknown"),
        ("Bench", run.bench),
        ("Started", run.started_at.strftime("%Y-%m-%d %H:%M:%S UTC")),
        ("Took", f"{run.duration_s:.0f} s"),
        ("Host", run.host),
    )
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    yield f'<header class="{verdict}"><h1>Bench report</h1><p>{badges}</p><dl>{rows}</dl></header>'


def _overview(run: Run) -> Iterator[str]:
    yield (
        '<table class="overview"><thead><tr><th>Scenario</th><th>Clause</th><th></th>'
        "<th>Tightest time</th><th>of its limit</th></tr></thead><tbody>"
    )
    for group, cases in GROUPS.items():
        found = [one for one in run.outcomes if one.case in cases]
        if found:
            yield f'<tr class="group"><th colspan="5">{escape(group)}</th></tr>'
        for outcome in found:
            yield _overview_row(outcome)
    yield "</tbody></table>"


def _overview_row(outcome: Outcome) -> str:
    case = outcome.case
    tight = tightest(outcome.measured)
    time, bar = "", ""
    if tight is not None:
        time = f"{escape(tight.what)}: {_seconds(tight.took_s)} ≤ {_seconds(tight.limit_s)}"
        bar = _bar(tight)
    return (
        f'<tr><td><a href="#{case.name}">{escape(case.title)}</a></td>'
        f"<td>{escape(case.clause)}</td>"
        f'<td><span class="badge {outcome.verdict}">{outcome.verdict}</span></td>'
        f"<td>{time}</td><td>{bar}</td></tr>"
    )


def tightest(measured: list[Measured]) -> Measured | None:
    """The judged time that came nearest to its limit, or beyond."""
    judged = [one for one in measured if one.judged and math.isfinite(one.limit_s)]
    return max(judged, key=lambda one: one.took_s / one.limit_s, default=None)


def _bar(one: Measured) -> str:
    ratio = one.took_s / one.limit_s
    width = min(ratio, 1.0) * 100
    kind = "met" if one.met else ("missed" if one.judged else "goal")
    share = f"{ratio:.0%}" if math.isfinite(ratio) else "–"
    return f'<span class="bar"><i class="{kind}" style="width:{width:.0f}%"></i></span> {share}'


def _scenarios(run: Run) -> Iterator[str]:
    yield '<p class="legend">'
    for kind, meaning in LEGEND:
        line = f'<line class="{kind}" x1="0" x2="22" y1="5" y2="5"/>'
        yield f'<span><svg viewBox="0 0 22 10">{line}</svg>{meaning}</span>'
    yield "<span>numbered rows: the allowed span, and what was measured</span></p>"
    for outcome in run.outcomes:
        yield from _scenario(outcome)


def _scenario(outcome: Outcome) -> Iterator[str]:
    case = outcome.case
    yield (
        f'<section id="{case.name}"><h2>{escape(case.title)} '
        f'<span class="badge {outcome.verdict}">{outcome.verdict}</span></h2>'
        f"<p>{escape((case.play.__doc__ or '').strip())} <code>{case.name}</code></p>"
    )
    if case.name in entries():
        entry = entries()[case.name]
        yield f'<p class="quiet">{escape(entry.title)}: {escape(entry.cause)}</p>'
    if outcome.detail:
        yield f'<p class="detail {outcome.verdict}">{escape(outcome.detail)}</p>'
    if outcome.measured:
        yield from _times(outcome.measured)
    if outcome.trace is not None:
        yield f"<figure>{plot(outcome.trace, outcome.measured, outcome.begin_s)}</figure>"
        yield "<details><summary>What the instruments saw</summary><ol>"
        for at_s, what in outcome.trace.events:
            yield f"<li><b>{at_s:.3f} s</b> {escape(what)}</li>"
        yield "</ol></details>"
    yield "</section>"


def _times(measured: list[Measured]) -> Iterator[str]:
    yield (
        '<table class="times"><thead><tr><th></th><th>Measured</th><th>Time and limit</th>'
        "<th>of its limit</th><th>Clause</th></tr></thead><tbody>"
    )
    number = 0
    for one in measured:
        number += one.at_s is not None
        kind = "met" if one.met else ("missed" if one.judged else "goal")
        bar = _bar(one) if math.isfinite(one.limit_s) else ""
        yield (
            f'<tr class="{kind}"><td>{number if one.at_s is not None else "–"}</td>'
            f"<td>{escape(one.what)}</td><td>{words(one)}</td><td>{bar}</td>"
            f"<td>{escape(one.clause)}</td></tr>"
        )
    yield "</tbody></table>"


def _foot(run: Run) -> Iterator[str]:
    yield "<section><h2>Instruments</h2><table>"
    for name, meaning in run.instruments.items():
        yield f"<tr><td>{escape(name)}</td><td>{escape(meaning)}</td></tr>"
    configuration = escape(to_toml(run.configuration))
    yield "</table></section><section><h2>Configuration</h2><details><summary>station.toml"
    yield f"</summary><pre>{configuration}</pre></details></section>"


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if math.isfinite(value) else "not seen"
