"""The meter driver against frames that real meters sent, or that their maker printed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hal.drivers.meter import RegisterMeter
from hal.errors import BadReply, ConfigurationError, DeviceRefused, NoReply
from hal.fakes import MemoryModbusLink, RecordedModbusLink
from hal.interfaces import Meter
from hal.register_map import load, parse
from hal.values import MeterReading

SDM630_POLL = {
    "01 04 00 00 00 02 71 CB": "01 04 04 43 6B 70 8B FA 7B",
    "01 04 00 02 00 02 D0 0B": "01 04 04 43 6D EC B8 33 6F",
    "01 04 00 04 00 02 30 0A": "01 04 04 43 6B D8 40 C4 2C",
    "01 04 00 06 00 02 91 CA": "01 04 04 40 04 AA 8B 91 42",
    "01 04 00 08 00 02 F0 09": "01 04 04 40 1A 8A B3 E9 56",
    "01 04 00 0A 00 02 51 C9": "01 04 04 3F D5 54 6F 98 84",
    "01 04 00 0C 00 02 B1 C8": "01 04 04 42 EC 9C CE C6 9D",
    "01 04 00 0E 00 02 10 08": "01 04 04 C3 FC FE 91 86 3C",
    "01 04 00 10 00 02 70 0E": "01 04 04 C3 77 B2 F4 02 FD",
    "01 04 00 46 00 02 90 1E": "01 04 04 42 47 8E C1 FB D9",
}
"""Replies of an SDM630 with solar feed-in, from the log in issue 18446 of arendst/Tasmota, with the
requests that its driver sends in that order."""


def meter(name: str, frames: dict[str, str], *only: str) -> RegisterMeter:
    """A meter that has the registers `only`, read one value per request as in the recordings."""
    found = load(name)
    part = replace(found, reading={one: found.reading[one] for one in only})
    return RegisterMeter(RecordedModbusLink(frames), part, name="meter", max_registers=2)


def memory(name: str = "eastron_sdm630", missing: int | None = None) -> MemoryModbusLink:
    """All registers of the map at zero, except one that does not exist."""
    inputs = {
        address: 0
        for register in load(name).reading.values()
        for address in range(register.address, register.address + register.count)
        if address != missing
    }
    return MemoryModbusLink(inputs=inputs)


def test_the_vendors_example_frame_is_230_volts() -> None:
    """Eastron SDM630 and SDM230 Modbus protocol, example for function 04: 43 66 33 34 is 230.2."""
    frames = {"01 04 00 00 00 02 71 CB": "01 04 04 43 66 33 34 1B 38"}
    for name in ("eastron_sdm630", "eastron_sdm230", "eastron_sdm120"):
        reading = meter(name, frames, "voltage_l1").read()
        assert reading.voltage_v == pytest.approx((230.2,), abs=1e-4)


SEQUENCE = """
[device]
name = "Meter"
kind = "meter"
source = "a document"
[reading]
phase_sequence = { table = "input", address = 50, type = "s16", missing = [99], wrong = [-1] }
"""


@pytest.mark.parametrize(("raw", "right"), [(0, True), (1, True), (0xFFFF, False), (99, None)])
def test_swapped_phases_are_told_where_the_meter_names_their_order(
    raw: int, right: bool | None
) -> None:
    device = RegisterMeter(
        MemoryModbusLink(inputs={50: raw}), parse(SEQUENCE, file="m.toml"), name="meter"
    )
    assert device.read().phase_sequence_ok is right


def test_a_meter_that_does_not_name_the_order_of_phases_leaves_it_open() -> None:
    device = RegisterMeter(memory(), load("eastron_sdm630"), name="meter")
    assert device.read().phase_sequence_ok is None


def test_an_order_of_phases_without_its_wrong_values_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"reading\.phase_sequence\.wrong: found nothing"):
        parse(SEQUENCE.replace(", wrong = [-1]", ""), file="m.toml")


def test_a_recorded_poll_of_an_sdm630_is_decoded() -> None:
    """SDM630_POLL; feed-in on two phases is negative power."""
    names = [f"{quantity}_l{phase}" for quantity in ("voltage", "current", "power")
             for phase in (1, 2, 3)]  # fmt: skip
    reading = meter("eastron_sdm630", SDM630_POLL, *names, "frequency").read()
    assert reading.voltage_v == pytest.approx((235.440, 237.925, 235.845), abs=1e-3)
    assert reading.current_a == pytest.approx((2.073, 2.415, 1.667), abs=1e-3)
    assert reading.power_phase_w == pytest.approx((118.306, -505.989, -247.699), abs=1e-3)
    assert reading.frequency_hz == pytest.approx(49.889, abs=1e-3)


def test_recorded_power_and_energy_of_an_sdm230_are_decoded() -> None:
    """Traffic between inverter and meter in issue 20 of syssi/esphome-solax-x1-mini."""
    frames = {
        "01 04 00 0C 00 02 B1 C8": "01 04 04 45 8E 3C 35 5F B4",
        "01 04 00 48 00 02 F1 DD": "01 04 04 46 2A 75 21 29 8C",
    }
    for name in ("eastron_sdm230", "eastron_sdm120"):
        reading = meter(name, frames, "power", "energy_import").read()
        assert reading.power_w == pytest.approx(4551.526, abs=1e-3)
        assert reading.energy_import_wh == pytest.approx(10_909_282.2, abs=0.1)


def test_what_the_meter_does_not_have_is_missing_and_not_zero() -> None:
    frames = {"01 04 00 00 00 02 71 CB": "01 04 04 43 66 33 34 1B 38"}
    reading = meter("eastron_sdm230", frames, "voltage_l1").read()
    assert reading.energy_import_wh is None
    assert reading.power_w is None
    assert reading.current_a == ()


def test_one_missing_phase_empties_the_tuple_instead_of_shifting_it() -> None:
    link = memory()
    link.inputs[0x0008], link.inputs[0x0009] = 0x7FC0, 0  # current L2: not a number
    reading = RegisterMeter(link, load("eastron_sdm630"), name="meter").read()
    assert reading.current_a == ()
    assert reading.voltage_v == (0, 0, 0)


def test_a_part_is_one_bounded_request_and_the_last_one_gives_the_reading() -> None:
    link = memory()
    device = RegisterMeter(link, load("eastron_sdm630"), name="meter")
    parts: list[MeterReading | None] = []
    for second in range(5):
        link.now_s = 100.0 + second
        parts.append(device.read_part())
        assert len(link.reads) == second + 1
    assert parts[:4] == [None] * 4
    assert parts[4] is not None
    assert parts[4].taken_s == 100.0
    assert max(count for _, _, count in link.reads) == 10


def test_an_error_discards_the_parts_read_before_it() -> None:
    link = memory()
    device = RegisterMeter(link, load("eastron_sdm630"), name="meter")
    device.read_part()
    link.failures.append(NoReply("meter", "read", "nothing"))
    with pytest.raises(NoReply):
        device.read_part()
    link.reads.clear()
    device.read_part()
    assert link.reads == [("input", 0, 10)]


def test_a_whole_reading_starts_afresh() -> None:
    link = memory()
    device = RegisterMeter(link, load("eastron_sdm630"), name="meter")
    device.read_part()
    link.reads.clear()
    device.read()
    assert [address for _, address, _ in link.reads] == [0, 10, 0x34, 0x3C, 0x46]


def test_a_register_that_the_meter_refuses_is_an_error_with_its_code() -> None:
    with pytest.raises(DeviceRefused) as caught:
        RegisterMeter(memory(missing=0x48), load("eastron_sdm630"), name="meter").read()
    assert caught.value.code == 2


def test_the_serial_number_is_read_when_the_meter_has_one() -> None:
    link = memory()
    link.holdings.update({0xFC00: 0x0123, 0xFC01: 0x4567})
    device = RegisterMeter(link, load("eastron_sdm630"), name="meter")
    identity = device.identify()
    assert (identity.vendor, identity.model, identity.serial) == ("Eastron", "SDM630", "19088743")


def test_a_meter_without_a_serial_number_is_still_identified() -> None:
    identity = RegisterMeter(memory(), load("eastron_sdm630"), name="meter").identify()
    assert (identity.model, identity.serial) == ("SDM630", "")


def test_another_meter_than_the_map_describes_is_noticed() -> None:
    found = parse(
        '[device]\nname = "Known"\nkind = "meter"\nsource = "document"\n'
        '[identity]\ncode = { table = "holding", address = 11, expect = 341 }\n'
        '[reading]\npower = { table = "input", address = 0, unit = "W" }\n',
        file="known.toml",
    )
    device = RegisterMeter(MemoryModbusLink(holdings={11: 331}), found, name="meter")
    with pytest.raises(BadReply, match="code is 331, expected 341"):
        device.identify()


def test_it_is_a_meter() -> None:
    assert isinstance(RegisterMeter(memory(), load("eastron_sdm630"), name="m"), Meter)
