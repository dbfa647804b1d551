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
from chargepoint.config.prices import price_plan
from chargepoint.ipc.service import EvseStatus, StationStatus
from chargepoint.web.driver_figures import (
    Cost,
    Ended,
    Figure,
    Session,
    cost_lines,
    figure_lines,
)
from chargepoint.web.driver_site import SiteView, notices, site_view
from chargepoint.web.driver_state import BY_APP, TONES, State, Tone, state_of
from chargepoint.web.driver_words import in_language, number
from chargepoint.web.tariff_view import PriceRow, announced, price_lines, price_rows


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what goes out."""


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
    cost_parts: tuple[Figure, ...]
    """What the cost is made of; empty: it is one thing, or not known."""
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
    """Those in force now, and the next ones."""
    price_table: tuple[PriceRow, ...]
    """All of the day, where they depend on its hour; else empty."""
    notices: tuple[str, ...]
    site: SiteView


def driver_view(
    status: StationStatus | None,
    config: Config,
    language: str,
    now: datetime,
    ended: Mapping[int, Ended] | None = None,
) -> DriverView:
    """The page at `now` (aware, in the time zone of the site); without `status`: not reached."""
    known = {} if status is None else {evse.evse: evse for evse in status.evses}
    plan = None if config.tariff is None else price_plan(config.tariff)
    note = {} if config.tariff is None else dict(config.tariff.note)
    told = in_language(note, language, config.site.language)
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
        prices=(*price_lines(plan, now, language), *([told] if told else [])),
        price_table=price_rows(plan, now, language),
        notices=(
            *notices(status, config, language, now.date()),
            *announced(plan, now.date(), language),
        ),
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
    session = Session.of(evse, state, ended.get(number_))
    cost = Cost.of(evse, state, config)
    return EvseView(
        evse=number_,
        name=phrase("driver.place", language, evse=number_) if len(config.evse) > 1 else "",
        state=state,
        tone=TONES[state],
        headline=phrase(f"driver.state.{state}", language),
        about=_about(evse, state, language),
        todo=_todo(evse, state, config, number_, language),
        remarks=() if evse is None else tuple(_remarks(evse, state, cost, config, language)),
        figures=tuple(figure_lines(evse, state, session, cost, now, language)),
        power_kw=session.power_kw,
        energy_kwh=session.energy_kwh,
        duration_s=session.duration_s,
        cost=cost.amount,
        cost_parts=tuple(cost_lines(cost, config, language)),
        currency=cost.currency,
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


def _remarks(
    evse: EvseStatus, state: State, cost: Cost, config: Config, language: str
) -> list[str]:
    """Hazards that only warn or limit, what bounds the power, and what is told of the cost."""
    shown = _faults(evse)[1:] if state == "out_of_order" else _faults(evse)
    lines = [entry(each, language).driver for each in shown if not entries()[each].stops]
    if state == "charging":
        lines += _bounds(evse, config, language)
    if cost.idle:
        lines.append(phrase("driver.cost.idle", language))
    if cost.provisional:
        lines.append(phrase("driver.cost.provisional", language))
    return list(dict.fromkeys((*lines, *cost.words)))


def _bounds(evse: EvseStatus, config: Config, language: str) -> list[str]:
    """What bounds the power most, and how much there is."""
    lines = []
    binding = next((reason for reason in evse.reasons if reason.kind == "limits"), None)
    key = "" if binding is None else f"driver.limit.{binding.id}"
    if key in phrases("en"):
        lines.append(phrase(key, language))
    if evse.control is not None and evse.control.offered_a:
        volts = next(each.voltage_v for each in config.evse if each.id == evse.evse)
        most_kw = evse.control.offered_a * volts * evse.control.phases / 1000
        lines.append(phrase("driver.remark.limit", language, power=number(most_kw, 1, language)))
    return lines
