"""Components and Variables: their values, where those come from, and what happens on a change.

What the CSMS sets is kept in space `variables` and wins over the configuration file, which wins
over the default. A value that does not change is not written (Q14). Whoever runs a timer on a
variable listens to it, so that a change counts from now on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

import msgspec

from chargepoint.station.access_variables import access_variables
from chargepoint.station.desk import Desk
from chargepoint.station.effects import Verdict
from chargepoint.station.option_variables import option_variables
from chargepoint.station.records import Measurand
from chargepoint.station.settings import StationSettings
from chargepoint.station.variables import Definition, Kind, definitions, measurand

SPACE = "variables"


class Origin(Enum):
    """Who set a value last."""

    DEFAULT = "default"
    FILE = "file"
    CSMS = "csms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable as it stands."""

    definition: Definition
    value: str
    origin: Origin

    @property
    def component(self) -> str:
        return self.definition.component

    @property
    def variable(self) -> str:
        return self.definition.variable

    @property
    def kind(self) -> Kind:
        return self.definition.kind

    @property
    def writable(self) -> bool:
        return self.definition.writable

    @property
    def secret(self) -> bool:
        return self.definition.secret

    @property
    def minimum(self) -> int | None:
        return self.definition.minimum if self.kind is Kind.INTEGER else None

    @property
    def maximum(self) -> int | None:
        return self.definition.maximum if self.kind is Kind.INTEGER else None


def rows(settings: StationSettings) -> tuple[Definition, ...]:
    """Everything that this station has."""
    return (
        *definitions(settings),
        *access_variables(settings),
        *option_variables(settings),
    )


class DeviceModel:
    """All variables of the station."""

    def __init__(self, desk: Desk, settings: StationSettings, kept: Mapping[str, str]) -> None:
        self._desk = desk
        self._listeners: dict[tuple[str, str], list[Callable[[], None]]] = {}
        self._variables = {
            (row.component, row.variable): Variable(
                definition=row, value=row.default, origin=Origin.DEFAULT
            )
            for row in rows(settings)
        }
        self._load(settings.variables, Origin.FILE)
        stored = {_place(key): str(msgspec.json.decode(text)) for key, text in kept.items()}
        self._load(stored, Origin.CSMS)

    def get(self, component: str, variable: str) -> Variable | None:
        """The variable, or None when there is no such."""
        return self._variables.get((component, variable))

    def __iter__(self) -> Iterator[Variable]:
        return iter(self._variables.values())

    def text(self, component: str, variable: str) -> str:
        """Value of a variable that exists. Raises KeyError for another."""
        return self._variables[component, variable].value

    def flag(self, component: str, variable: str) -> bool:
        return self.text(component, variable) == "true"

    def number(self, component: str, variable: str) -> int:
        return int(self.text(component, variable))

    def measurands(self, component: str, variable: str) -> tuple[tuple[Measurand, str | None], ...]:
        """Wanted measurands, each with the one phase that is wanted or None for all."""
        items = self.text(component, variable).split(",")
        return tuple(wanted for item in items if (wanted := measurand(item)) is not None)

    def listen(self, component: str, variable: str, changed: Callable[[], None]) -> None:
        """Call `changed` after each change of this variable."""
        self._listeners.setdefault((component, variable), []).append(changed)

    def set(self, component: str, variable: str, value: str, *, keep: bool = True) -> Verdict:
        """Set a variable for the CSMS; what is not accepted changes nothing.

        `keep` False: holds until the next start only (given anew by each BootNotification).
        """
        place = (component, variable)
        before = self._variables.get(place)
        if before is None:
            return Verdict.NOT_SUPPORTED
        if before.secret:
            return Verdict.REJECTED  # kept elsewhere, and never here
        spelled = before.definition.spelled(value)
        if spelled is None or not before.writable:
            return Verdict.REJECTED
        if spelled == before.value:
            return Verdict.ACCEPTED
        self._variables[place] = replace(before, value=spelled, origin=Origin.CSMS)
        if keep:
            self._desk.put(SPACE, f"{component}.{variable}", spelled, durable=True)
            self._desk.note("variable.changed", name=f"{component}.{variable}", value=spelled)
        for changed in self._listeners.get(place, ()):
            changed()
        return Verdict.ACCEPTED

    def _load(self, values: Mapping[tuple[str, str], str], origin: Origin) -> None:
        """Take over values of an earlier life; one that no longer fits leaves what was there."""
        for place, text in values.items():
            before = self._variables.get(place)
            spelled = None if before is None else before.definition.spelled(text)
            if before is None or spelled is None:
                name = ".".join(place)
                self._desk.note("variable.not_usable", name=name, value=text, origin=origin.value)
                continue
            if before.writable and not before.secret:
                self._variables[place] = replace(before, value=spelled, origin=origin)


def _place(key: str) -> tuple[str, str]:
    component, _, variable = key.partition(".")
    return component, variable
