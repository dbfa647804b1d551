"""Variables of the local list and of reservations (configuration keys, sections 3 and 4).

All but LocalAuthListEnabled are not for the CSMS to change; the installer may lower them in the
configuration file.
"""

from __future__ import annotations

from dataclasses import replace

from chargepoint.station.settings import StationSettings
from chargepoint.station.variables import Definition, Kind

LIST_ENTRIES_MAX = 10_000
LIST_ITEMS_MAX = 500
"""Entries of the local list, and of one message that changes it."""


def _row(component: str, variable: str, kind: Kind, default: str) -> Definition:
    return Definition(
        component=component,
        variable=variable,
        kind=kind,
        default=default,
        writable=False,
        minimum=1,
        maximum=int(default) if kind is Kind.INTEGER else 1,
    )


# fmt: off
FIXED = (
    #    component             variable           type           default
    _row("LocalAuthListCtrlr", "Entries",         Kind.INTEGER,  str(LIST_ENTRIES_MAX)),
    _row("LocalAuthListCtrlr", "ItemsPerMessage", Kind.INTEGER,  str(LIST_ITEMS_MAX)),
    _row("ReservationCtrlr",   "Enabled",         Kind.BOOLEAN,  "true"),
    _row("ReservationCtrlr",   "NonEvseSpecific", Kind.BOOLEAN,  "true"),
)
# fmt: on


def access_variables(settings: StationSettings) -> tuple[Definition, ...]:
    """The rows for this station; a value of the file that does not fit changes nothing."""
    enabled = Definition(
        component="LocalAuthListCtrlr", variable="Enabled", kind=Kind.BOOLEAN, default="true"
    )
    return (enabled, *(_as_installed(row, settings) for row in FIXED))


def _as_installed(row: Definition, settings: StationSettings) -> Definition:
    text = settings.variables.get((row.component, row.variable))
    spelled = None if text is None else row.spelled(text)
    return row if spelled is None else replace(row, default=spelled)
