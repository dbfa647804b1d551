"""Amounts that are cut where the price changes: nothing is lost, whatever is read when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from chargepoint.price_plan import PricePlan, Prices, PriceTable, PriceWindow
from chargepoint.station.cost import apportioned, rounded, summed, tax_in
from chargepoint.station.records import Stamp
from chargepoint.station.tally import Mark, Scale, Tally, worth_of

D = Decimal
ZERO = datetime(2026, 11, 24, 8, tzinfo=UTC)
BASE, INSIDE = D("0.4"), D("0.1")
TABLE = PriceTable(
    prices=Prices(energy=BASE),
    windows=(
        PriceWindow(energy=INSIDE, begin_min=510, length_min=30),
        PriceWindow(energy=D("0.7"), begin_min=1320, length_min=480),
    ),
)
DAYS_S = 3 * 86400


def mark(at_s: int, amount: int) -> Mark:
    return Mark(at=Stamp(boot="a", at_s=float(at_s)), amount=amount)


def scale(table: PriceTable = TABLE, *, known: bool = True) -> Scale:
    def wall(stamp: Stamp) -> datetime | None:
        return ZERO + timedelta(seconds=stamp.at_s) if known else None

    return Scale(kind="energy", table=table, wall=wall)


def tally(*marks: Mark, by: Scale) -> Tally:
    found = Tally(marks=[marks[0]])
    for each in marks[1:]:
        found.add(each, by)
    return found


def test_what_grows_over_an_edge_is_cut_at_its_instant() -> None:
    """From 08:20 to 08:50 grow 1800 mWh, one in each second; the window begins at 08:30."""
    found = tally(mark(1200, 0), mark(3000, 1800), by=scale())
    assert found.worth(scale()).sum == 600 * BASE + 1200 * INSIDE


def test_what_a_meter_shows_at_the_instant_of_the_last_reading_is_priced_there() -> None:
    found = tally(mark(1200, 0), mark(1200, 50), by=scale())
    assert found.worth(scale()).sum == 50 * BASE


def test_without_the_time_the_dearest_price_counts_until_the_time_is_known() -> None:
    found = tally(mark(1200, 0), mark(1790, 590), mark(3000, 1800), by=scale(known=False))
    told = found.worth(scale(known=False))
    assert (told.sum, told.certain) == (1800 * D("0.7"), False)
    told = found.worth(scale())
    assert (told.sum, told.certain) == (600 * BASE + 1200 * INSIDE, True)
    found.add(mark(3001, 1801), scale())
    assert (len(found.marks), found.certain) == (1, True)


def test_marks_that_wait_for_the_time_are_few() -> None:
    marks = [mark(second, second) for second in range(10_000)]
    found = tally(*marks, by=scale(known=False))
    assert len(found.marks) <= 61
    assert found.marks[0] == marks[0]
    assert found.worth(scale()).sum == worth_of([marks[0], marks[-1]], scale()).sum


@settings(max_examples=60, deadline=None)
@given(
    rate=st.integers(0, 6000),
    until_s=st.integers(1, DAYS_S),
    cuts=st.lists(st.integers(1, DAYS_S), max_size=12),
)
def test_splitting_a_session_at_any_instants_changes_nothing(
    rate: int, until_s: int, cuts: list[int]
) -> None:
    whole = worth_of([mark(0, 0), mark(until_s, rate * until_s)], scale())
    seconds = sorted({0, until_s, *(cut for cut in cuts if cut < until_s)})
    pieces = tally(*(mark(each, rate * each) for each in seconds), by=scale())
    assert pieces.worth(scale()) == whole


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 100_000_000)), min_size=1))
def test_every_milliwatt_hour_is_priced_once_however_unevenly_it_flows(
    steps: list[tuple[int, int]],
) -> None:
    marks = [mark(0, 0)]
    for seconds, grown in steps:
        last = marks[-1]
        marks.append(mark(int(last.at.at_s) + seconds, last.amount + grown))
    inside = PriceWindow(energy=D(1000), begin_min=510, length_min=700)
    split = scale(PriceTable(prices=Prices(energy=D(1)), windows=(inside,)))
    sum_ = tally(*marks, by=split).worth(split).sum
    dear = (sum_ - marks[-1].amount) / 999
    assert dear == int(dear)
    assert 0 <= dear <= marks[-1].amount


AMOUNTS = st.decimals(0, 10_000, places=6)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(AMOUNTS, min_size=4, max_size=4),
    st.sampled_from(["EUR", "JPY", "KWD"]),
    st.decimals(0, 100, places=2),
    st.booleans(),
)
def test_the_parts_add_up_to_the_whole_which_is_rounded_once(
    amounts: list[Decimal], currency: str, percent: Decimal, included: bool
) -> None:
    plan = PricePlan(currency=currency, tax_percent=percent, tax_included=included)
    exact = dict(zip(("start", "energy", "time", "idle"), amounts, strict=True))
    parts = summed(exact, plan)
    cost = sum((part.amount for part in parts), D(0))
    on_top = D(0) if included else sum(amounts, D(0)) * percent / 100
    assert cost == rounded(sum(amounts, D(0)) + on_top, currency)
    unit = {"EUR": D("0.01"), "JPY": D(1), "KWD": D("0.001")}[currency]
    assert all(abs(part.amount - exact.get(part.id, on_top)) < unit for part in parts)
    tax = tax_in(cost, parts, plan)
    assert tax is None if not percent else tax is not None and D(0) <= tax <= cost


def test_half_units_are_shared_out_to_those_that_lost_most() -> None:
    assert apportioned((D("0.004"), D("0.004"), D("0.002")), "EUR") == (D("0.01"), D(0), D(0))
    assert apportioned((D("1.005"), D("1.005")), "EUR") == (D("1.01"), D("1.00"))
    assert apportioned((), "EUR") == ()


def test_tax_is_within_the_prices_or_comes_on_top() -> None:
    within = PricePlan(currency="EUR", tax_percent=D(19))
    parts = summed({"energy": D("11.90")}, within)
    assert [(each.id, each.amount) for each in parts] == [("energy", D("11.90"))]
    assert tax_in(D("11.90"), parts, within) == D("1.90")
    on_top = PricePlan(currency="EUR", tax_percent=D(19), tax_included=False)
    parts = summed({"energy": D("10.00"), "time": D(0)}, on_top)
    assert [(each.id, each.amount) for each in parts] == [
        ("energy", D("10.00")),
        ("tax", D("1.90")),
    ]
    assert tax_in(D("11.90"), parts, on_top) == D("1.90")
