"""What is sent, against published vectors and the simulator's own decoder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.sms.alphabet import BASIC, EXTENSION
from hal.sms.submit import PARTS_MAX, pdus, validity_octet
from hil.wire.sms_pdu import read_submit

NUMBER = "+12025550123"
GSM = "".join(one for one in BASIC if one != "\x1b") + "".join(EXTENSION.values())
VECTOR = "B912120550521F30000134374587E2ECB41E6709D4D070DB1B0180D"


def test_a_short_text_in_the_gsm_alphabet() -> None:
    (pdu,) = pdus(NUMBER, "Charger fault CX014")
    assert pdu.hex == "0001000" + VECTOR
    assert pdu.length == 30


def test_a_delivery_report_is_asked_for_in_the_first_octet() -> None:
    (pdu,) = pdus(NUMBER, "Charger fault CX014", report=True)
    assert pdu.hex == "0021000" + VECTOR
    assert pdu.length == 30


def test_text_beyond_the_gsm_alphabet_goes_as_ucs2() -> None:
    (pdu,) = pdus(NUMBER, "Störung ✓")
    assert pdu.hex == "0001000B912120550521F30008120053007400F600720075006E006700202713"
    assert pdu.length == 31


def test_a_long_text_is_cut_at_153_septets() -> None:
    first, second = pdus(NUMBER, "A" * 200, reference=7)
    assert first.hex.startswith("0041070B912120550521F30000A0050003070201")
    assert second.hex.startswith("0041070B912120550521F3000036050003070202")
    assert len(read_submit(first.hex).text) == 153
    assert len(read_submit(second.hex).text) == 47


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 319, 3),
        ("a" * 460, 4),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("✓" * 70, 1),
        ("✓" * 71, 2),
        ("✓" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("", 1),
    ],
)
def test_a_text_takes_as_many_messages_as_it_needs_and_loses_nothing(text: str, parts: int) -> None:
    made = pdus(NUMBER, text)
    assert len(made) == parts
    assert "".join(read_submit(pdu.hex).text for pdu in made) == text


def test_an_extended_character_is_never_cut() -> None:
    made = pdus(NUMBER, "a" * 152 + "€" + "b" * 10)
    assert [len(read_submit(pdu.hex).text) for pdu in made] == [152, 11]


def test_a_surrogate_pair_is_never_cut() -> None:
    made = pdus(NUMBER, "✓" * 66 + "😀" + "✓" * 10)
    assert [len(read_submit(pdu.hex).text) for pdu in made] == [66, 11]


@given(st.text(alphabet=GSM, max_size=600), st.booleans())
def test_whatever_the_gsm_alphabet_can_say_arrives(text: str, report: bool) -> None:
    _arrives(text, report)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200), st.booleans())
def test_whatever_unicode_can_say_arrives(text: str, report: bool) -> None:
    _arrives(text, report)


def _arrives(text: str, report: bool) -> None:
    made = pdus(NUMBER, text, reference=200, report=report, validity_s=3600.0)
    read = [read_submit(pdu.hex) for pdu in made]
    assert "".join(one.text for one in read) == text
    assert [one.tpdu_octets for one in read] == [pdu.length for pdu in made]
    assert all(one.to == NUMBER and one.report is report for one in read)
    assert all(one.validity_s == 3600.0 for one in read)
    if len(made) > 1:
        assert [one.group for one in read] == [
            (200, len(made), number) for number in range(1, len(made) + 1)
        ]


@pytest.mark.parametrize("number", ["+491511234567", "0151123", "110", "+4915112345678"])
def test_numbers_of_even_and_odd_length_arrive(number: str) -> None:
    (pdu,) = pdus(number, "x")
    assert read_submit(pdu.hex).to == number


@pytest.mark.parametrize(
    "number", ["", "+", "12", "+49 151", "0x12", "+4915112345678901234567", "+49٣"]
)
def test_what_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="expected 3 to 20 digits"):
        pdus(number, "x")


def test_a_text_without_end_is_refused() -> None:
    assert len(pdus(NUMBER, "a" * 153 * PARTS_MAX)) == PARTS_MAX
    with pytest.raises(ValueError, match="9 messages"):
        pdus(NUMBER, "a" * (153 * PARTS_MAX + 1))


@pytest.mark.parametrize(
    ("seconds", "octet"),
    [
        (0, 0),
        (299, 0),
        (600, 1),
        (12 * 3600, 143),
        (12.5 * 3600, 144),
        (86_400, 167),
        (86_399, 166),
        (2 * 86_400, 168),
        (30 * 86_400, 196),
        (5 * 604_800, 197),
        (63 * 604_800, 255),
        (1e9, 255),
    ],
)
def test_the_validity_is_the_longest_that_is_not_too_long(seconds: float, octet: int) -> None:
    assert validity_octet(seconds) == octet
