"""From where on something is wrong: the limits of conditions, in `[alerts.rule."ID"]`.

One row per condition that has a limit; a condition with two is met only when both are passed, or,
for `records_waiting`, when either is. What has none here (a door that is open) has no limit, or has
it elsewhere in the configuration (`safety`, `maintenance`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from chargepoint.config.alerts import AlertRule
from chargepoint.config.reading import Mistake, joined


class Bounds(NamedTuple):
    """The value where nobody says otherwise, and what may be said."""

    usual: float
    least: float
    most: float


# fmt: off
LIMITS: dict[str, dict[str, Bounds]] = {
    # condition                key             usual  least  most
    "agent_late":           {"limit_s":     Bounds(2.0, 0.2, 60.0)},
    "bus_errors":           {"limit_ratio": Bounds(0.1, 0.001, 1.0)},
    "certificate_expiring": {"limit_days":  Bounds(30.0, 1.0, 365.0)},
    "control_late":         {"limit_s":     Bounds(0.1, 0.03, 5.0)},     # its tick is 20 ms
    "disk_full_soon":       {"limit_mb":    Bounds(200.0, 10.0, 1e6),
                             "limit_ratio": Bounds(0.05, 0.001, 0.9)},
    "disk_worn":            {"limit_ratio": Bounds(0.9, 0.1, 1.0)},
    "host_hot":             {"limit_c":     Bounds(80.0, 40.0, 110.0)},  # a Pi slows down from 80
    "records_waiting":      {"limit_h":     Bounds(4.0, 0.1, 168.0),
                             "limit_count": Bounds(1000.0, 10.0, 100_000.0)},
    "restarts_unusual":     {"limit_count": Bounds(3.0, 2.0, 20.0)},
    "sessions_failing":     {"limit_count": Bounds(3.0, 1.0, 100.0)},
    "sim_expiring":         {"limit_days":  Bounds(14.0, 1.0, 365.0)},
    "station_blocked":      {"limit_h":     Bounds(4.0, 0.1, 168.0)},
    "station_unused":       {"limit_days":  Bounds(14.0, 1.0, 365.0)},
    "temperature_rising":   {"limit_min":   Bounds(15.0, 1.0, 120.0)},   # before it is reached
}
# fmt: on

KEYS = tuple(name for name in AlertRule.__struct_fields__ if name.startswith("limit_"))


def limit_of(rules: Mapping[str, AlertRule], condition: str, key: str) -> float:
    """The limit in force."""
    rule = rules.get(condition)
    given: float | None = None if rule is None else getattr(rule, key)
    return LIMITS[condition][key].usual if given is None else given


def contradictions(rules: Mapping[str, AlertRule]) -> Iterator[Mistake]:
    """Limits of conditions that have no such limit, or out of bounds."""
    for condition, rule in rules.items():
        known = LIMITS.get(condition, {})
        for key in KEYS:
            given: float | None = getattr(rule, key)
            if given is None:
                continue
            place = joined(joined("alerts.rule", condition), key)
            if key not in known:
                wanted = f"expected {' or '.join(known)}" if known else "it has no limit"
                yield Mistake(place, f"`{condition}` does not take it; {wanted}")
            elif not known[key].least <= given <= known[key].most:
                least, most = known[key].least, known[key].most
                yield Mistake(place, f"found {given:g}, expected {least:g} to {most:g}")
