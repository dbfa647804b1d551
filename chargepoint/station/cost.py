"""The cost of a transaction in parts that add up: start, energy, time, idle time, tax.

Everything is reckoned exactly and rounded once, at the end: the whole to the decimals of its
currency, the parts so that they add up to it. A tax that the prices contain is no part: it is
worked out from the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

import msgspec

from chargepoint.price_plan import PricePlan, Prices, minor_units

HUNDRED = Decimal(100)


class CostPart(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the cost."""

    id: str
    """`start`, `energy`, `time`, `idle`, or `tax` where it comes on top."""
    amount: Decimal


class LocalCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a transaction costs so far, or has cost."""

    currency: str
    price: str
    """The price of now, in words."""
    cost: Decimal
    final: bool
    idle: bool
    """Time without charging is being charged for."""
    parts: tuple[CostPart, ...] = ()
    """Those that are not zero; they add up to the cost."""
    tax: Decimal | None = None
    """Tax within the cost; None: none is known of."""
    provisional: bool = False
    """The time of day was not known all the time: this is the most that it can be."""


def summed(exact: dict[str, Decimal], plan: PricePlan) -> tuple[CostPart, ...]:
    """The parts, rounded so that they add up to the rounded whole, tax on top included."""
    amounts = dict(exact)
    if plan.tax_percent and not plan.tax_included:
        amounts["tax"] = sum(exact.values(), Decimal(0)) * plan.tax_percent / HUNDRED
    rounded_amounts = apportioned(tuple(amounts.values()), plan.currency)
    return tuple(
        CostPart(id=name, amount=amount)
        for name, amount in zip(amounts, rounded_amounts, strict=True)
        if amount
    )


def tax_in(cost: Decimal, parts: Sequence[CostPart], plan: PricePlan) -> Decimal | None:
    """The tax that `cost` contains; None where no tax is configured."""
    if not plan.tax_percent:
        return None
    if plan.tax_included:
        return rounded(cost * plan.tax_percent / (HUNDRED + plan.tax_percent), plan.currency)
    on_top = sum((part.amount for part in parts if part.id == "tax"), Decimal(0))
    return rounded(on_top, plan.currency)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """`amount` with the decimals of its currency; half a unit counts as a whole one."""
    return amount.quantize(_unit(currency), rounding=ROUND_HALF_UP)


def apportioned(amounts: Sequence[Decimal], currency: str) -> tuple[Decimal, ...]:
    """`amounts` (none below zero) rounded so that they add up to their rounded sum.

    Each is off by less than one unit; what is missing goes to those that lost most (the method
    of largest remainders).
    """
    unit = _unit(currency)
    down = [amount.quantize(unit, rounding=ROUND_FLOOR) for amount in amounts]
    whole = rounded(sum(amounts, Decimal(0)), currency)
    missing = int((whole - sum(down, Decimal(0))) / unit)
    by_loss = sorted(range(len(down)), key=lambda place: down[place] - amounts[place])
    for place in by_loss[:missing]:
        down[place] += unit
    return tuple(down)


def in_words(plan: PricePlan, prices: Prices) -> str:
    """`prices` in English, for consoles; pages have words of their own."""
    free = plan.idle_free_min
    after = f" after {free.normalize():f} min" if free else ""
    parts = (
        (prices.start, "per charge"),
        (prices.energy, "per kWh"),
        (prices.time, "per hour"),
        (prices.idle, f"per hour plugged in when done{after}"),
    )
    told = [f"{price.normalize():f} {plan.currency} {what}" for price, what in parts if price]
    if told and plan.tax_percent:
        how = "incl." if plan.tax_included else "plus"
        told[-1] += f" ({how} {plan.tax_percent.normalize():f} % tax)"
    return ", ".join(told) or "free of charge"


def _unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-minor_units(currency))
