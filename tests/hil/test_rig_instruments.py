"""The instruments of a rig in virtual time: sniffer, listener, sightings."""

from __future__ import annotations

import pytest

from hal.register_map import load
from hil.instruments.bus_tap import BoardListener
from hil.instruments.recorder import RecorderBroken
from hil.instruments.sightings import Quantity, Sightings
from hil.instruments.sniffer import Exchange, Sniffer
from hil.wire.modbus import rtu_frame

CHARACTER_S = 0.001
BOARD = 1
CLOSE = rtu_frame(BOARD, bytes.fromhex("05 0000 FF00"))
OPEN = rtu_frame(BOARD, bytes.fromhex("05 0000 0000"))
OFFER_16_A = rtu_frame(BOARD, bytes.fromhex("06 0000 0A6B"))
READ = rtu_frame(BOARD, bytes.fromhex("04 0000 0008"))
READING = rtu_frame(BOARD, bytes.fromhex("04 10 0041 1770 D120 0A6B FFFF 00FA 0007 0000"))
"""Closed, oscillating; 6.0 V, -12.0 V, 26.67 %."""
REFUSED = rtu_frame(BOARD, bytes.fromhex("85 04"))


def hear(*chunks: tuple[bytes, float]) -> list[Exchange]:
    sniffer = Sniffer(CHARACTER_S)
    return [one for data, now_s in chunks for one in sniffer.hear(data, now_s)]


def test_a_request_and_its_reply_are_one_exchange_with_both_instants() -> None:
    (found,) = hear((READ, 1.0), (READING, 1.05))
    assert (found.table, found.address, found.count, found.write) == ("input", 0, 8, False)
    assert (found.asked_s, found.replied_s) == (1.0, 1.05)
    assert found.values[1:4] == (6000, 0xD120, 2667)


def test_what_comes_in_one_chunk_is_dated_back_by_the_line_s_time() -> None:
    """The adapter hands over both frames when the last byte of the reply has passed."""
    (found,) = hear((CLOSE + CLOSE, 1.0))
    assert found.replied_s == 1.0
    assert found.asked_s == pytest.approx(1.0 - 8 * CHARACTER_S)


def test_a_frame_may_come_in_pieces_and_is_dated_by_its_last_byte() -> None:
    (found,) = hear((CLOSE[:3], 1.0), (CLOSE[3:], 1.004), (CLOSE, 1.02))
    assert found.asked_s == 1.004
    assert found.values == (1,)


def test_a_refusal_carries_its_code_and_is_not_carried_out() -> None:
    (found,) = hear((CLOSE, 1.0), (REFUSED, 1.01))
    assert (found.refused, found.carried_out) == (4, False)


def test_a_request_without_a_reply_is_told_when_the_next_comes() -> None:
    first, second = hear((READ, 1.0), (CLOSE, 1.3), (CLOSE, 1.31))
    assert (first.replied_s, first.values, first.carried_out) == (None, (), False)
    assert second.carried_out


def test_noise_and_a_wrong_check_sum_are_discarded_and_counted() -> None:
    sniffer = Sniffer(CHARACTER_S)
    spoiled = CLOSE[:-1] + bytes([CLOSE[-1] ^ 1])
    assert sniffer.hear(b"\x00\xff" + spoiled, 1.0) == []
    (found,) = [*sniffer.hear(READ, 1.2), *sniffer.hear(READING, 1.25)]
    assert found.carried_out
    assert sniffer.discarded == 10


def test_a_torn_frame_is_given_up_after_a_pause() -> None:
    sniffer = Sniffer(CHARACTER_S)
    assert sniffer.hear(READING[:9], 1.0) == []
    assert sniffer.hear(CLOSE, 1.5) == []
    (found,) = sniffer.hear(CLOSE, 1.51)
    assert (found.address, found.values, sniffer.discarded) == (0, (1,), 9)


def test_several_written_registers_and_coils_are_unpacked() -> None:
    registers = rtu_frame(BOARD, bytes.fromhex("10 0000 0002 04 2710 03E8"))
    coils = rtu_frame(BOARD, bytes.fromhex("0F 0000 0002 01 02"))
    first, second = hear(
        (registers, 1.0),
        (rtu_frame(BOARD, bytes.fromhex("10 0000 0002")), 1.01),
        (coils, 1.1),
        (rtu_frame(BOARD, bytes.fromhex("0F 0000 0002")), 1.11),
    )
    assert (first.table, first.values) == ("holding", (10_000, 1000))
    assert (second.table, second.values) == ("coil", (0, 1))


def listened(*chunks: tuple[bytes, float], judges_s2: bool = False) -> Sightings:
    sightings = Sightings()
    registers = load("reference_pilot_board")
    listener = BoardListener(BOARD, registers, sightings, 0.002, judges_s2)
    for exchange in hear(*chunks):
        listener.hear(exchange)
    return sightings


def test_commands_are_seen_when_the_request_had_passed() -> None:
    sightings = listened((OFFER_16_A, 1.0), (OFFER_16_A, 1.01), (CLOSE, 2.0), (CLOSE, 2.01))
    offer, told = sightings.latest(Quantity.OFFER), sightings.latest(Quantity.TOLD)
    assert offer is not None
    assert (offer.at_s, offer.value, offer.doubt_s) == (1.0, pytest.approx(0.2667), 0.002)
    assert told is not None
    assert (told.at_s, told.value) == (2.0, True)


def test_a_refused_or_unanswered_command_was_not_told() -> None:
    sightings = listened((CLOSE, 1.0), (REFUSED, 1.01), (CLOSE, 2.0))
    assert sightings.latest(Quantity.TOLD) is None


def test_a_command_that_is_repeated_counts_once() -> None:
    frames = [(CLOSE, 1.0), (CLOSE, 1.01), (CLOSE, 1.5), (CLOSE, 1.51), (OPEN, 2.0), (OPEN, 2.01)]
    told = listened(*frames).since(Quantity.TOLD, 0.0)
    assert [(one.at_s, one.value) for one in told] == [(1.0, True), (2.0, False)]


def test_every_self_test_and_the_phases_are_seen() -> None:
    test = rtu_frame(BOARD, bytes.fromhex("05 0002 FF00"))
    one_phase = rtu_frame(BOARD, bytes.fromhex("05 0003 FF00"))
    frames = [(test, 1.0), (test, 1.01), (test, 9.0), (test, 9.01)]
    sightings = listened(*frames, (one_phase, 12.0), (one_phase, 12.01))
    assert [one.at_s for one in sightings.since(Quantity.TOLD_TEST, 0.0)] == [1.0, 9.0]
    (phases,) = sightings.since(Quantity.TOLD_PHASES, 0.0)
    assert (phases.at_s, phases.value) == (12.0, 1)


def test_a_duty_that_nobody_wrote_is_seen_in_the_board_s_reading() -> None:
    """Its watchdog, or a restart: the pilot is not what was last written."""
    steady = rtu_frame(BOARD, bytes.fromhex("06 0000 2710"))
    sightings = listened((steady, 1.0), (steady, 1.01), (READ, 1.5), (READING, 1.55))
    offer = sightings.latest(Quantity.OFFER)
    assert offer is not None
    assert offer.value == pytest.approx(0.2667)
    assert (offer.at_s, offer.doubt_s) == (pytest.approx(1.25), pytest.approx(0.252))


def test_a_real_vehicle_s_s2_is_seen_by_the_levels() -> None:
    sightings = listened((READ, 1.0), (READING, 1.05), judges_s2=True)
    asks = sightings.latest(Quantity.S2)
    assert asks is not None
    assert asks.value is True


def test_a_polled_change_is_dated_to_the_middle_of_the_gap() -> None:
    sightings = Sightings()
    for at_s, live in ((1.0, False), (1.2, False), (1.6, True)):
        sightings.sampled(Quantity.CONTACT, live, at_s, 0.01)
    latest = sightings.latest(Quantity.CONTACT)
    assert latest is not None
    assert latest.at_s == pytest.approx(1.4)
    assert latest.doubt_s == pytest.approx(0.21)


def test_a_run_begins_with_the_first_of_the_values_that_hold_until_now() -> None:
    sightings = Sightings()
    for at_s, current_a in ((1.0, 9.0), (2.0, 2.0), (3.0, 8.0), (4.0, 9.0)):
        sightings.sampled(Quantity.CURRENT, (current_a,), at_s, 0.0, every=True)
    begin = sightings.run(Quantity.CURRENT, lambda value: max(value) > 5.0)
    assert begin is not None
    assert begin.value == (8.0,)
    assert sightings.run(Quantity.CURRENT, lambda value: max(value) > 50.0) is None


def test_an_instrument_that_falls_silent_is_broken() -> None:
    now_s = 1.0
    sightings = Sightings(lambda: now_s)
    sightings.sampled(Quantity.CONTACT, True, 1.0, 0.0)
    sightings.check([Quantity.CONTACT, Quantity.CURRENT])
    sightings.failed(Quantity.CONTACT, "signals: no reply")
    now_s = 4.0
    with pytest.raises(RecorderBroken, match="outlet live: no reading: signals: no reply"):
        sightings.check([Quantity.CONTACT])
