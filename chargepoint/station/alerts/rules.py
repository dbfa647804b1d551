"""How each condition is treated: hold-offs, audience, escalation.

What is not in `RULES` follows from kind and severity of its catalogue entry; the operator's
`[alerts.rule]` overrides either.
"""

from __future__ import annotations

import msgspec

from chargepoint.catalog import Entry, entries
from chargepoint.station.alerts.settings import Role, RuleSettings, rank
from chargepoint.station.alerts.values import Condition, Severity

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 86_400.0

OPERATING: frozenset[Role] = frozenset({"operator", "csms"})
HANDS_ON: frozenset[Role] = frozenset({"operator", "technician", "csms"})
UPKEEP: frozenset[Role] = frozenset({"operator", "technician", "service_partner", "csms"})


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """The treatment of one condition."""

    severity: Severity
    raise_after_s: float
    """Must hold for so long first."""
    clear_after_s: float
    """Must be gone, or not have happened again, for so long."""
    audience: frozenset[Role]
    escalates: bool
    enabled: bool = True
    ends: bool = True
    """That it is over is worth a message."""
    lasts: bool = True
    """It holds for a time, however short; else it may only happen."""


class _Row(msgspec.Struct, frozen=True):
    raise_after_s: float
    clear_after_s: float
    audience: frozenset[Role] = HANDS_ON
    ends: bool = True


# fmt: off
RULES = {
    # condition:             held for      gone for      audience
    "power_lost":            _Row(0.0,          10 * MINUTE_S, OPERATING),
    "csms_offline":          _Row(10 * MINUTE_S, MINUTE_S),
    "records_waiting":       _Row(MINUTE_S,      MINUTE_S, OPERATING),
    "records_refused":       _Row(0.0,           MINUTE_S, OPERATING),
    "clock_untrusted":       _Row(10 * MINUTE_S, MINUTE_S),
    "certificate_expiring":  _Row(0.0,           MINUTE_S, UPKEEP),
    "sim_expiring":          _Row(0.0,           MINUTE_S, OPERATING),
    "disk_full_soon":        _Row(MINUTE_S,      10 * MINUTE_S),
    "disk_worn":             _Row(MINUTE_S,      HOUR_S, UPKEEP),
    "disk_read_only":        _Row(30.0,          MINUTE_S),
    "temperature_rising":    _Row(30.0,          5 * MINUTE_S),
    "contactor_worn":        _Row(0.0,           MINUTE_S, UPKEEP),
    "maintenance_due":       _Row(0.0,           MINUTE_S, UPKEEP),
    "maintenance_overdue":   _Row(0.0,           MINUTE_S, UPKEEP),
    "sessions_failing":      _Row(0.0,           MINUTE_S),
    "tampered":              _Row(0.0,           5 * MINUTE_S),
    "restarts_unusual":      _Row(0.0,           10 * MINUTE_S),
    "station_unused":        _Row(0.0,           0.0, OPERATING),
    "station_blocked":       _Row(0.0,           30.0, OPERATING),
    "host_under_voltage":    _Row(5.0,           10 * MINUTE_S),
    "host_hot":              _Row(MINUTE_S,      5 * MINUTE_S),
    "control_late":          _Row(10.0,          5 * MINUTE_S),
    "agent_late":            _Row(30.0,          5 * MINUTE_S),
    "bus_errors":            _Row(30.0,          5 * MINUTE_S),
    "device_lost":           _Row(30.0,          MINUTE_S),
    "dead_man_failing":      _Row(5 * MINUTE_S,  MINUTE_S, OPERATING),
    "modem_failed":          _Row(5 * MINUTE_S,  MINUTE_S),
    "problem_reported":      _Row(0.0,           DAY_S, HANDS_ON, False),
    "program_failed":        _Row(0.0,           10 * MINUTE_S),
    "reading_stale":         _Row(2.0,           MINUTE_S),
    "watchdog_tripped":      _Row(0.0,           5 * MINUTE_S),
}
BY_KIND = {
    "hazard":                _Row(0.0,           MINUTE_S),
    "fault":                 _Row(10.0,          MINUTE_S),
    "alert":                 _Row(0.0,           10 * MINUTE_S),
    "event":                 _Row(0.0,           10 * MINUTE_S),
    "finding":               _Row(0.0,           10 * MINUTE_S),
}
# fmt: on

LASTING = ("hazard", "fault")

ESCALATES: Severity = "error"
"""From this severity on, where nobody says otherwise."""


class Rules:
    """The rule of each condition, made when it is first asked for."""

    def __init__(self, wanted: dict[str, RuleSettings]) -> None:
        self._wanted = wanted
        self._made: dict[str, Rule] = {}

    def of(self, condition: str) -> Rule:
        """Raises KeyError for an id that the catalogue does not know."""
        rule = self._made.get(condition)
        if rule is None:
            rule = self._made[condition] = _rule(entries()[condition], self._wanted)
        return rule

    def severity(self, condition: Condition) -> Severity:
        """What the operator says, else the condition itself, else the catalogue."""
        wanted = self._wanted.get(condition.id)
        if wanted is not None and wanted.severity is not None:
            return wanted.severity
        return condition.severity or self.of(condition.id).severity

    def escalates(self, condition: str, severity: Severity) -> bool:
        """Whether nobody's answer brings in the next contacts."""
        wanted = self._wanted.get(condition)
        if wanted is not None and wanted.escalate is not None:
            return wanted.escalate
        return rank(severity) >= rank(ESCALATES)


def _rule(entry: Entry, wanted: dict[str, RuleSettings]) -> Rule:
    row = RULES.get(entry.id, BY_KIND[entry.kind])
    other = wanted.get(entry.id, RuleSettings())
    severity = other.severity or entry.severity
    return Rule(
        severity=severity,
        raise_after_s=_first(other.raise_after_s, row.raise_after_s),
        clear_after_s=_first(other.clear_after_s, row.clear_after_s),
        audience=row.audience,
        escalates=rank(severity) >= rank(ESCALATES) if other.escalate is None else other.escalate,
        enabled=other.enabled,
        ends=row.ends,
        lasts=entry.kind in LASTING,
    )


def _first(wanted: float | None, built_in: float) -> float:
    return built_in if wanted is None else wanted
