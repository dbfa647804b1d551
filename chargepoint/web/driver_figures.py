"""The figures of a session as drivers see them: power, energy, duration, cost, time left."""

from __future__ import annotations

from datetime import datetime

import msgspec

from chargepoint.catalog import phrase
from chargepoint.config import Config
from chargepoint.ipc.service import CostPart, EvseStatus
from chargepoint.web.driver_state import State
from chargepoint.web.driver_words import duration, money, number

ENDED = frozenset({"finished"})
"""States in which the figures of the session that is over are shown."""

PRICED = frozenset({"awaited", "plugged", "approved"})
"""States in which a price that the CSMS has told is for whoever stands there now."""

TALKS_OF_LEFT = frozenset({"charging", "paused_by_car", "paused_by_station"})


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of numbers."""

    id: str
    label: str
    text: str


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the transaction that ended last at an EVSE."""

    energy_kwh: float | None
    duration_s: float | None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the session that is on, or just over; None: not known."""

    power_kw: float | None = None
    energy_kwh: float | None = None
    duration_s: float | None = None

    @classmethod
    def of(cls, evse: EvseStatus | None, state: State, ended: Ended | None) -> Session:
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
            duration_s=running.duration_s,
        )


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What the session costs; what the CSMS tells wins over what is worked out here."""

    amount: float | None = None
    currency: str = ""
    final: bool = False
    idle: bool = False
    words: tuple[str, ...] = ()
    """The CSMS's own."""
    parts: tuple[CostPart, ...] = ()
    tax: float | None = None
    """Within the amount; None: not known."""
    provisional: bool = False
    """The most that it can be."""

    @classmethod
    def of(cls, evse: EvseStatus | None, state: State, config: Config) -> Cost:
        """Only of the session that is on or just over: the one before is nobody's business."""
        currency = "" if config.tariff is None else config.tariff.currency
        if evse is None:
            return cls()
        told, local = evse.cost, evse.local_cost
        if evse.transaction is None and state not in ENDED:
            priced = told is not None and state in PRICED and told.price
            return cls(words=(told.price,) if told is not None and priced else ())
        if told is not None:
            return cls(
                amount=told.cost,
                currency=currency,
                final=told.final,
                idle=told.idle,
                words=tuple(text for text in (told.price, told.text) if text),
            )
        if local is None:
            return cls()
        return cls(
            amount=local.cost,
            currency=local.currency,
            final=local.final,
            idle=local.idle,
            parts=local.parts,
            tax=local.tax,
            provisional=local.provisional,
        )


def figure_lines(
    evse: EvseStatus | None,
    state: State,
    session: Session,
    cost: Cost,
    now: datetime,
    language: str,
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
    if cost.amount is not None:
        key = "cost_final" if cost.final else "cost"
        key = "cost_most" if cost.provisional else key
        found.append((key, money(cost.amount, cost.currency, language)))
    if active and state in TALKS_OF_LEFT:
        found.append(("left", phrase("driver.left.unknown", language)))
    until = "" if evse is None or state != "reserved" else _instant(evse.reserved_until, now)
    if until:
        found.append(("reserved", until))
    return [
        Figure(id=key, label=phrase(f"driver.figure.{key}", language), text=text)
        for key, text in found
    ]


def cost_lines(cost: Cost, config: Config, language: str) -> list[Figure]:
    """What the cost is made of, where that is more than one thing, and the tax in it."""
    percent = "" if config.tariff is None else f"{config.tariff.tax_percent or 0:g}"
    percent = percent.replace(".", phrase("driver.decimal", language))
    found = [(part.id, part.amount) for part in cost.parts] if len(cost.parts) > 1 else []
    if cost.tax is not None and not any(part.id == "tax" for part in cost.parts):
        found.append(("tax_in", cost.tax))
    return [
        Figure(
            id=key,
            label=phrase(f"driver.part.{key}", language, percent=percent),
            text=money(amount, cost.currency, language),
        )
        for key, amount in found
    ]


def _instant(text: str, now: datetime) -> str:
    """`18:05` in the time zone of `now`, with the date where it is another day; empty: none."""
    try:
        at = datetime.fromisoformat(text).astimezone(now.tzinfo)
    except ValueError:
        return ""
    return at.strftime("%H:%M" if at.date() == now.date() else "%Y-%m-%d %H:%M")


def _with_unit(value: float | None, digits: int, unit: str, language: str) -> str:
    return "" if value is None else f"{number(value, digits, language)} {unit}"
