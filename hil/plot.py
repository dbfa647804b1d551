"""Curves of one scenario as inline SVG: pilot, contactor, current, and times against their limits.

Four lanes over one time axis. In the last each measured time has a row: the allowed span in green,
what was measured as a tick. Colours come from the page's style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

from hil.instruments.trace import Points, Trace
from hil.scenarios.scenario import Measured

_Scale = Callable[[float], float]
WIDTH = 980
LEFT = 64
RIGHT = 12
PILOT_H, CONTACT_H, CURRENT_H, ROW_H = 118, 50, 100, 17
GAP = 20
TOP = 18
AXIS_H = 22
STATES = ((12.0, "A"), (9.0, "B"), (6.0, "C"), (3.0, "D"), (0.0, "E"), (-12.0, "F"))
"""Nominal positive level of each state."""
PILOT_MAX_V = 13.5
SPAN_MIN_PX = 3.0
CURRENT_LEAST_A = 18.0
TICKS = 10


def plot(trace: Trace, measured: Sequence[Measured], begin_s: float) -> str:
    """The figure. `begin_s`: the monotonic instant at which the trace begins."""
    timed = [one for one in measured if one.at_s is not None]
    return _Figure(trace, timed, begin_s).svg()


class _Figure:
    def __init__(self, trace: Trace, measured: Sequence[Measured], begin_s: float) -> None:
        self._trace = trace
        self._measured = measured
        self._begin_s = begin_s
        self._end_s = max(trace.duration_s, 0.1)
        self._parts: list[str] = []

    def svg(self) -> str:
        top = TOP
        top = self._pilot(top) + GAP
        top = self._contact(top) + GAP
        top = self._current(top) + GAP
        bottom = self._times(top)
        self._axis(bottom)
        for at_s, words in self._trace.events:
            self._mark(at_s, words, bottom)
        height = bottom + AXIS_H
        head = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="curves">'
        return head + "".join(self._parts) + "</svg>"

    # --- lanes -----------------------------------------------------------------------------------

    def _pilot(self, top: int) -> int:
        def y(volts: float) -> float:
            return top + PILOT_H * (PILOT_MAX_V - volts) / (2 * PILOT_MAX_V)

        self._frame(top, PILOT_H, "pilot, V")
        for volts, state in STATES:
            self._level(y(volts), f"{state} {volts:+.0f}")
        self._curve(self._trace.low_v, y, "low")
        self._curve(self._trace.high_v, y, "high")
        return top + PILOT_H

    def _contact(self, top: int) -> int:
        def y(closed: float) -> float:
            return top + CONTACT_H * (0.85 - 0.7 * closed)

        self._frame(top, CONTACT_H, "contactor")
        self._level(y(1.0), "closed")
        self._level(y(0.0), "open")
        ends = (self._end_s, self._trace.contact[-1][1])
        area = _steps([*self._trace.contact, ends])
        self._area(area, y)
        self._curve(
            [*_steps(self._trace.command), (self._end_s, self._trace.command[-1][1])], y, "command"
        )
        self._curve(area, y, "contact")
        return top + CONTACT_H

    def _current(self, top: int) -> int:
        trace = self._trace
        most_a = max([CURRENT_LEAST_A, *(value for _, value in trace.current_a)]) * 1.08

        def y(amps: float) -> float:
            return top + CURRENT_H * (1.0 - amps / most_a)

        self._frame(top, CURRENT_H, "current, A")
        for amps in range(0, int(most_a) + 1, 6 if most_a < 40 else 12):
            self._level(y(amps), str(amps))
        self._curve(trace.offered_a, y, "offered")
        self._curve(trace.current_a, y, "current")
        return top + CURRENT_H

    def _times(self, top: int) -> int:
        for number, one in enumerate(self._measured, start=1):
            row = top + (number - 1) * ROW_H
            at_s = (one.at_s or 0.0) - self._begin_s
            since_s = at_s - one.took_s
            first_s = since_s + one.least_s
            last_s = min(since_s + one.limit_s, self._end_s)
            x = self._x(first_s)
            width = max(self._x(last_s) - x, SPAN_MIN_PX)
            kind = "met" if one.met else ("missed" if one.judged else "goal")
            span = f'x="{x:.1f}" y="{row + 4}" width="{width:.1f}" height="{ROW_H - 8}"'
            self._parts += [
                f'<rect class="span" {span}/>',
                f'<line class="{kind}" x1="{self._x(since_s):.1f}" x2="{self._x(at_s):.1f}" '
                f'y1="{row + 8.5}" y2="{row + 8.5}"/>',
                f'<line class="{kind} tick" x1="{self._x(at_s):.1f}" x2="{self._x(at_s):.1f}" '
                f'y1="{row + 1}" y2="{row + ROW_H - 1}"/>',
                f'<text class="row" x="{LEFT - 6}" y="{row + 12}">{number}</text>',
            ]
        return top + max(len(self._measured), 1) * ROW_H

    def _axis(self, bottom: int) -> None:
        step_s = _step(self._end_s)
        for number in range(int(self._end_s / step_s) + 1):
            x = self._x(number * step_s)
            self._parts += [
                f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>',
                f'<text class="axis" x="{x:.1f}" y="{bottom + 15}">{number * step_s:g} s</text>',
            ]

    # --- pieces ----------------------------------------------------------------------------------

    def _x(self, at_s: float) -> float:
        share = min(max(at_s / self._end_s, 0.0), 1.0)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def _frame(self, top: int, height: int, title: str) -> None:
        width = WIDTH - LEFT - RIGHT
        size = f'x="{LEFT}" y="{top}" width="{width}" height="{height}"'
        self._parts += [
            f'<rect class="lane" {size}/>',
            f'<text class="lane-title" x="{LEFT}" y="{top - 4}">{title}</text>',
        ]

    def _level(self, y: float, words: str) -> None:
        self._parts += [
            f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
            f'<text class="level-word" x="{LEFT - 6}" y="{y + 3.5:.1f}">{words}</text>',
        ]

    def _curve(self, points: Points, y: _Scale, kind: str) -> None:
        if points:
            self._parts.append(f'<polyline class="{kind}" points="{self._path(points, y)}"/>')

    def _area(self, points: Points, y: _Scale) -> None:
        closed = [(points[0][0], 0.0), *points, (points[-1][0], 0.0)]
        self._parts.append(f'<polygon class="contact-area" points="{self._path(closed, y)}"/>')

    def _path(self, points: Points, y: _Scale) -> str:
        return " ".join(f"{self._x(at_s):.1f},{y(value):.1f}" for at_s, value in points)

    def _mark(self, at_s: float, words: str, bottom: int) -> None:
        """A thin line with a tooltip at what was done to the plant."""
        if words.startswith(("wire", "pilot", "contact", "S2")):
            return
        x = self._x(at_s)
        self._parts.append(
            f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}">'
            f"<title>{at_s:.3f} s: {escape(words)}</title></line>"
        )


def _steps(points: Points) -> Points:
    """Points that hold until the next one, as a polyline."""
    return list(_stepped(points))


def _stepped(points: Points) -> Iterator[tuple[float, float]]:
    before: float | None = None
    for at_s, value in points:
        if before is not None and value != before:
            yield at_s, before
        yield at_s, value
        before = value


def _step(end_s: float) -> float:
    """A round distance of ticks."""
    rough = end_s / TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
