"""What drivers may see of the station, in their language: the whole contents of their page.

A value is made from the agent's status and the configuration, and nothing of them passes that is
not named here: no token, no transaction number, no identity and no address of any system.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from chargepoint.catalog import entries, entry, phrase, phrases
from chargepoint.config import Config
from chargepoint.ipc.service import EvseStatus, StationStatus
from chargepoint.web.driver_site import SiteView, notices, site_view
from chargepoint.web.driver_state import BY_APP, TONES, State, Tone, state_of
from chargepoint.web.driver_words import duration, money, number
from chargepoint.web.tariff_view import price_lines

ENDED = frozenset({"finished"})
"""States in which the figures of the session that is over are shown."""

TALKS_OF_LEFT = frozenset({"charging", "paused_by_car", "paused_by_station"})


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what goes out."""


class Figure(Value, frozen=True):
    """One line of numbers."""

    id: str
    label: str
    text: str


class EvseView(Value, frozen=True):
    """One charging place."""

    evse: int
    name: str
    state: State
    tone: Tone
    headline: str
    about: str
    """What the state means; with a fault what that means and what may be tried."""
    todo: tuple[str, ...]
    """What the driver can do next."""
    remarks: tuple[str, ...]
    """What else there is to know: slower because of the heat, …"""
    figures: tuple[Figure, ...]
    power_kw: float | None
    """None: not measured, or there is none to speak of."""
    energy_kwh: float | None
    duration_s: float | None
    cost: float | None
    currency: str
    urgent: bool
    """Whom to call belongs next to the state."""


class DriverView(Value, frozen=True):
    """The page."""

    language: str
    title: str
    reached: bool
    """The station answers; else all of it is old or unknown."""
    at: str
    """When this was made, ISO 8601."""
    at_text: str
    evses: tuple[EvseView, ...]
    prices: tuple[str, ...]
    notices: tuple[str, ...]
    site: SiteView


class Ended(Value, frozen=True):
    """What is known of the transaction that ended last at an EVSE."""

    energy_kwh: float | None
    duration_s: float | None


def driver_view(
    status: StationStatus | None,
    config: Config,
    language: str,
    now: datetime,
    ended: Mapping[int, Ended] | None = None,
) -> DriverView:
    """The page at `now` (aware, in the time zone of the site); without `status`: not reached."""
    known = {} if status is None else {evse.evse: evse for evse in status.evses}
    other = config.site.language
    return DriverView(
        language=language,
        title=config.site.name or phrase("driver.title", language),
        reached=status is not None,
        at=now.isoformat(timespec="seconds"),
        at_text=now.strftime("%H:%M:%S"),
        evses=tuple(
            _evse_view(evse.id, known.get(evse.id), config, language, now, (ended or {}))
            for evse in config.evse
        ),
        prices=price_lines(config.tariff, now.date(), language, other),
        notices=notices(status, config, language, now.date()),
        site=site_view(config.site, language),
    )


def _evse_view(
    number_: int,
    evse: EvseStatus | None,
    config: Config,
    language: str,
    now: datetime,
    ended: Mapping[int, Ended],
) -> EvseView:
    state: State = "unknown" if evse is None else state_of(evse)
    session = _Session.of(evse, state, now, ended.get(number_))
    cost, currency = _cost(evse, config)
    return EvseView(
        evse=number_,
        name=phrase("driver.place", language, evse=number_) if len(config.evse) > 1 else "",
        state=state,
        tone=TONES[state],
        headline=phrase(f"driver.state.{state}", language),
        about=_about(evse, state, language),
        todo=_todo(evse, state, config, number_, language),
        remarks=() if evse is None else tuple(_remarks(evse, state, config, language)),
        figures=tuple(_figures(evse, state, session, config, language)),
        power_kw=session.power_kw,
        energy_kwh=session.energy_kwh,
        duration_s=session.duration_s,
        cost=cost,
        currency=currency,
        urgent=state in ("out_of_order", "unknown"),
    )


# --- Words ----------------------------------------------------------------------------------------


def _about(evse: EvseStatus | None, state: State, language: str) -> str:
    if evse is not None and state == "out_of_order":
        told = [entry(found, language).driver for found in _faults(evse)]
        if told:
            return told[0]
    why = "" if evse is None else _why(evse)
    if why and state not in ("out_of_order", "unknown"):
        return phrase(why, language)
    return phrase(f"driver.about.{state}", language)


def _why(evse: EvseStatus) -> str:
    """The phrase of the weightiest reason that a driver can do something with; empty: none."""
    known = phrases("en")
    keys = (f"driver.why.{reason.id}" for reason in evse.reasons if reason.kind != "limits")
    return next((key for key in keys if key in known), "")


def _faults(evse: EvseStatus) -> list[str]:
    """Catalogue ids with words for drivers, those that stop first."""
    hazards = () if evse.control is None else evse.control.hazards
    detail = tuple(reason.detail for reason in evse.reasons if reason.id == "hazard")
    found = dict.fromkeys((*([evse.fault] if evse.fault else []), *detail, *hazards))
    told = [each for each in found if each in entries() and entries()[each].driver]
    return sorted(told, key=lambda each: not entries()[each].stops)


def _todo(
    evse: EvseStatus | None, state: State, config: Config, number_: int, language: str
) -> tuple[str, ...]:
    if state == "out_of_order" and evse is not None and _faults(evse):
        return ()  # the text of the fault says what may be tried
    here = next(each for each in config.evse if each.id == number_)
    key = f"driver.next.{state}" + ("_app" if state in BY_APP and not here.reader else "")
    lines = [phrase(key, language)]
    control = None if evse is None else evse.control
    if state == "finished" and control is not None:
        if not control.connected:
            lines = [phrase("driver.next.left", language)]
        elif here.connector == "socket" or control.locked:
            lines.append(phrase("driver.next.locked", language))
    return tuple(lines)


def _remarks(evse: EvseStatus, state: State, config: Config, language: str) -> list[str]:
    """Hazards that only warn or limit, what bounds the power, and time that costs."""
    shown = _faults(evse)[1:] if state == "out_of_order" else _faults(evse)
    lines = [entry(each, language).driver for each in shown if not entries()[each].stops]
    if state == "charging":
        binding = next((reason for reason in evse.reasons if reason.kind == "limits"), None)
        key = "" if binding is None else f"driver.limit.{binding.id}"
        if key in phrases("en"):
            lines.append(phrase(key, language))
        if evse.control is not None and evse.control.offered_a:
            volts = next(each.voltage_v for each in config.evse if each.id == evse.evse)
            most_kw = evse.control.offered_a * volts * evse.control.phases / 1000
            lines.append(
                phrase("driver.remark.limit", language, power=number(most_kw, 1, language))
            )
    if evse.cost is not None and evse.cost.idle:
        lines.append(phrase("driver.cost.idle", language))
    if evse.cost is not None:
        lines += [text for text in (evse.cost.price, evse.cost.text) if text]
    return list(dict.fromkeys(lines))


# --- Numbers --------------------------------------------------------------------------------------


class _Session(msgspec.Struct, frozen=True, kw_only=True):
    power_kw: float | None = None
    energy_kwh: float | None = None
    duration_s: float | None = None

    @classmethod
    def of(
        cls, evse: EvseStatus | None, state: State, now: datetime, ended: Ended | None
    ) -> _Session:
        if evse is None:
            return cls()
        running = evse.transaction
        if running is None:
            if state not in ENDED or ended is None:
                return cls()
            return cls(energy_kwh=ended.energy_kwh, duration_s=ended.duration_s)
        power_w = None if evse.meter is None else evse.meter.power_w
        energy_wh = running.energy_wh
        return cls(
            power_kw=None if power_w is None else round(max(0.0, power_w) / 1000, 2),
            energy_kwh=None if energy_wh is None else round(energy_wh / 1000, 3),
            duration_s=seconds_between(running.started_at, now),
        )


def seconds_between(since: str, until: datetime) -> float | None:
    """From an ISO 8601 time to another; None where one is empty or they contradict each other."""
    try:
        passed_s = (until - datetime.fromisoformat(since)).total_seconds() if since else -1.0
    except (ValueError, TypeError):
        return None
    return passed_s if passed_s >= 0 else None


def _cost(evse: EvseStatus | None, config: Config) -> tuple[float | None, str]:
    """What the CSMS tells wins over what is worked out at the station."""
    currency = "" if config.tariff is None else config.tariff.currency
    if evse is None or evse.cost is None:
        return None, currency
    return evse.cost.cost, currency


def _figures(
    evse: EvseStatus | None, state: State, session: _Session, config: Config, language: str
) -> list[Figure]:
    """Only what is known, or what it says that it is not."""
    found: list[tuple[str, str]] = []
    active = evse is not None and evse.transaction is not None
    unknown = phrase("driver.unknown", language)
    if active and state == "charging":
        found.append(("power", _with_unit(session.power_kw, 1, "kW", language) or unknown))
    if active or session.energy_kwh is not None:
        found.append(("energy", _with_unit(session.energy_kwh, 2, "kWh", language) or unknown))
    if active or session.duration_s is not None:
        known = session.duration_s is not None
        found.append(
            ("duration", duration(session.duration_s or 0, language) if known else unknown)
        )
    cost, currency = _cost(evse, config)
    if cost is not None and evse is not None and evse.cost is not None:
        key = "cost_final" if evse.cost.final else "cost"
        found.append((key, money(cost, currency, language)))
    if active and state in TALKS_OF_LEFT:
        found.append(("left", phrase("driver.left.unknown", language)))
    return [
        Figure(id=key, label=phrase(f"driver.figure.{key}", language), text=text)
        for key, text in found
    ]


def _with_unit(value: float | None, digits: int, unit: str, language: str) -> str:
    return "" if value is None else f"{number(value, digits, language)} {unit}"
