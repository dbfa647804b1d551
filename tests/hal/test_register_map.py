"""Register maps: what is decoded, what is refused, and in how many requests it is read."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from hal.errors import ConfigurationError
from hal.register_map import Register, known_maps, load, parse

DEVICE = '[device]\nname = "M"\nkind = "meter"\nsource = "a document"\n'


def parsed(line: str) -> Register:
    """The register of a map whose only reading is `line`."""
    return next(iter(parse(f"{DEVICE}[reading]\n{line}", file="m.toml").reading.values()))


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, file="m.toml")
    return str(caught.value)


@pytest.mark.parametrize("name", known_maps())
def test_each_map_that_ships_is_loaded_and_names_its_source(name: str) -> None:
    found = load(name)
    assert len(found.source) > 10
    assert found.reading


@pytest.mark.parametrize(
    ("line", "words", "value"),
    [
        ('power = { table = "input", address = 0, type = "s16", unit = "W" }', (0xFFFE,), -2),
        ('power = { table = "input", address = 0, type = "u16", unit = "kW" }', (3,), 3000),
        ('power = { table = "input", address = 0, type = "s32", unit = "0.1 W" }', (0, 25), 2.5),
        (
            'power = { table = "input", address = 0, type = "s32", unit = "0.1 W", '
            'words = "little" }',
            (0xFFF6, 0xFFFF),
            -1,
        ),
        ('power = { table = "input", address = 0, type = "f32", unit = "W" }', (0x43C8, 0), 400),
        (
            'energy_import = { table = "input", address = 0, type = "u64", unit = "0.01 kWh" }',
            (0, 0, 0, 7),
            70,
        ),
        (
            'frequency = { table = "input", address = 0, type = "u16", unit = "0.01 Hz" }',
            (4995,),
            49.95,
        ),
        ('power_factor = { table = "input", address = 0, unit = "0.001" }', (987,), 0.987),
    ],
)
def test_words_become_the_value_in_si_units(
    line: str, words: tuple[int, ...], value: float
) -> None:
    assert parsed(line).decode(words) == value


def test_a_raw_value_that_means_missing_becomes_nan() -> None:
    register = parsed(
        'power = { table = "input", address = 0, type = "u32", unit = "W", missing = [4294967295] }'
    )
    assert math.isnan(register.decode((0xFFFF, 0xFFFF)))


@pytest.mark.parametrize("words", [(0x7FC0, 0), (0x7F80, 0)], ids=["nan", "infinity"])
def test_a_float_that_is_no_number_becomes_nan(words: tuple[int, ...]) -> None:
    register = parsed('power = { table = "input", address = 0, type = "f32", unit = "W" }')
    assert math.isnan(register.decode(words))


def test_a_wrong_number_of_words_is_refused() -> None:
    register = parsed('power = { table = "input", address = 0, type = "f32", unit = "W" }')
    with pytest.raises(ValueError, match="1 registers, expected 2"):
        register.decode((1,))


@pytest.mark.parametrize(
    ("ratio", "raw"), [(0.26669, 2666), (0.29, 2900), (0.99999, 9999), (1.0, 10000), (0.0, 0)]
)
def test_a_duty_is_rounded_down_to_a_hundredth_of_a_percent(ratio: float, raw: int) -> None:
    """IEC 61851-1, Annex A: the offered current must never exceed the limit."""
    assert load("reference_pilot_board").command["pilot"].encode(ratio, down=True) == (raw,)


def test_a_value_outside_the_type_is_not_written() -> None:
    with pytest.raises(ValueError, match=r"watchdog: 70\.0 does not fit u16 ms"):
        load("reference_pilot_board").command["watchdog"].encode(70.0)


def test_encoding_and_decoding_agree_in_either_word_order() -> None:
    for words in ("big", "little"):
        register = parsed(
            'power = { table = "input", address = 0, type = "s32", unit = "0.1 W", '
            f'words = "{words}" }}'
        )
        assert register.decode(register.encode(-7123.4)) == -7123.4


def test_named_bits_are_told_apart() -> None:
    flags = load("reference_pilot_board").reading["status"].flags(0b0100_0001)
    assert [name for name, on in flags.items() if on] == ["contactor_closed", "oscillating"]


def test_a_board_is_read_in_one_request() -> None:
    blocks = load("reference_pilot_board").blocks("reading")
    assert [(block.table, block.address, block.count) for block in blocks] == [("input", 0, 8)]


def test_blocks_hold_only_adjacent_registers_and_stay_within_the_bound() -> None:
    blocks = load("eastron_sdm630").blocks("reading", 10)
    assert [(block.address, block.count) for block in blocks] == [
        (0, 10),
        (10, 8),
        (0x34, 2),
        (0x3C, 4),
        (0x46, 6),
    ]


def test_a_bound_below_one_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="found 2 registers, expected at most 1"):
        load("eastron_sdm630").blocks("reading", 1)


def test_a_map_may_live_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    line = 'power = { table = "holding", address = 9, type = "f32", unit = "kW" }'
    path.write_text(f"{DEVICE}[reading]\n{line}\n", encoding="utf-8")
    assert load(str(path)).reading["power"].address == 9


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"found `sdm999`, expected .*eastron_sdm630"):
        load("sdm999")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            'power = { table = "input", address = 0, unit = "Wh" }',
            "m.toml: reading.power.unit: found `Wh` (energy), expected a unit of power",
        ),
        (
            'power = { table = "input", address = 0, unit = "furlong" }',
            "m.toml: reading.power.unit: found `furlong`, expected an optional number and one of",
        ),
        (
            'power = { table = "input", address = 0, unit = "0 W" }',
            "m.toml: reading.power.unit: found `0 W`, expected",
        ),
        (
            'power = { table = "input", address = 70000, unit = "W" }',
            "m.toml: reading.power.address: found `70000`, expected a whole number from 0 to 65535",
        ),
        (
            'power = { table = "input", unit = "W" }',
            "m.toml: reading.power.address: found nothing, expected a whole number",
        ),
        (
            'power = { table = "output", address = 0, unit = "W" }',
            "m.toml: reading.power.table: found `output`, expected one of input, holding, coil",
        ),
        (
            'power = { table = "input", address = 0, type = "f16", unit = "W" }',
            "m.toml: reading.power.type: found `f16`, expected one of u16, s16",
        ),
        (
            'power = { table = "input", adress = 1, address = 0, unit = "W" }',
            "m.toml: reading.power.adress: found an unknown key, expected one of table",
        ),
        (
            'powr = { table = "input", address = 0, unit = "W" }',
            "m.toml: reading.powr: found `powr`, expected one of energy_import",
        ),
        (
            'power = { table = "input", address = 0, type = "f32", unit = "W" }\n'
            'frequency = { table = "input", address = 1, unit = "Hz" }',
            "m.toml: reading.frequency.address: found address 1 that belongs to `power`",
        ),
        ("power = 5", "m.toml: reading.power: found `5`, expected a table"),
    ],
)
def test_a_mistake_is_named_by_file_key_found_and_expected(line: str, message: str) -> None:
    assert refusal(f"{DEVICE}[reading]\n{line}").startswith(message)


def test_what_is_not_a_map_at_all_is_refused() -> None:
    assert "m.toml: is not TOML" in refusal("[device")
    assert refusal("").startswith("m.toml: device: found nothing, expected a table")
    assert refusal(f"{DEVICE}[readings]").startswith("m.toml: readings: found `readings`, expected")
    assert "device.kind: found `toaster`" in refusal(DEVICE.replace("meter", "toaster"))
