"""What messages say, and that they fit where they have to."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from chargepoint.catalog import entries, languages
from chargepoint.catalog.details import detail, place_text
from chargepoint.station.alerts.codes import COUNT, code_of, codes_in
from chargepoint.station.alerts.gsm_text import BASIC, EXTENDED, cut, gsm_text, length
from chargepoint.station.alerts.texts import lasted, time_text
from chargepoint.station.alerts.values import Channel, Condition, told
from tests.station.alerts.stand import PHONE, RCD, Stand, contact


def test_a_message_says_what_where_since_when_why_and_what_to_do() -> None:
    stand = Stand()
    (raised,) = stand.look(RCD)
    code = raised.data["alert"]
    assert raised.subject == f"Urgent fault: Residual current detected, EVSE 1 (CP7) [{code}]"
    assert raised.text.splitlines() == [
        "Residual current detected",
        "",
        "Station: CP7",
        "Place: EVSE 1",
        "Severity: urgent fault",
        "Since: 2027-01-15 09:16 CET (0 s ago)",
        "Details: 32 mA against 30",
        "",
        f"Cause: {entries()['rcd_tripped'].cause}",
        f"What to do: {entries()['rcd_tripped'].remedy}",
        "",
        f"Answer OK {code} to say that you look after it, or run: chargepoint alerts ack {code}",
    ]
    assert raised.short == (
        f"CP7 Urgent fault: Residual current detected, EVSE 1. 32 mA against 30 Reply OK {code}"
    )


def test_nobody_is_asked_to_answer_where_nobody_reads_the_answer() -> None:
    ways = ((Channel.SMS, PHONE), (Channel.EMAIL, "ada@example.com"), (Channel.NTFY, "n"))
    stand = Stand(contact(ways=ways), answered=frozenset({Channel.SMS}))
    sent = {one.channel: one for one in stand.look(RCD)}
    code = sent[Channel.SMS].data["alert"]
    assert sent[Channel.SMS].short.endswith(f"Reply OK {code}")
    for channel in (Channel.EMAIL, Channel.NTFY):
        last = sent[channel].text.splitlines()[-1]
        assert last == f"To say that you look after it, run: chargepoint alerts ack {code}"


def test_a_test_names_its_way_as_people_do() -> None:
    stand = Stand(contact(language="de"))
    stand.perform(stand.desk.test("ada", "", "root", stand.now_s)[0])
    assert "der Weg über E-Mail." in stand.sent[0].text


def test_the_data_for_machines_does_not_depend_on_the_language() -> None:
    english, german = Stand(), Stand(contact(language="de"))
    (first,), (second,) = english.look(RCD), german.look(RCD)
    assert list(first.data) == list(second.data)
    assert first.data["severity"] == second.data["severity"] == "critical"
    assert first.data["code_v16"] == "GroundFailure"


def test_a_german_message_is_german_to_the_last_figure() -> None:
    stand = Stand(contact(language="de"))
    said = detail("current_high", current_a=20.5, limit_a=18.2, offered_a=16.0)
    (raised,) = stand.look(told("over_current", said, place="EVSE 1"))
    assert raised.text.splitlines()[3:7:3] == [
        "Ort: Ladepunkt 1",
        "Einzelheiten: 20,5 A, Grenze 18,2 A bei angebotenen 16,0 A",
    ]
    assert "20,5 A, Grenze 18,2 A" in raised.short
    assert (raised.data["place"], raised.data["detail"]) == (
        "EVSE 1",
        "20,5 A, Grenze 18,2 A bei angebotenen 16,0 A",
    )


def test_places_are_told_in_the_language_of_the_contact() -> None:
    assert place_text("EVSE 2, report 7", "de") == "Ladepunkt 2, Meldung 7"
    assert place_text("EVSE 2, connector/2", "en") == "Connector of EVSE 2: plug-ins"
    assert place_text("client CP7", "de") == "Zertifikat der Ladestation CP7"
    assert place_text("meter1", "de") == "meter1"


@pytest.mark.parametrize(
    ("offset_s", "zone", "language", "text"),
    [
        (3600, "CET", "de", "24.11.2026 19:03 MEZ"),
        (7200, "CEST", "de", "24.11.2026 19:03 MESZ"),
        (0, "UTC", "de", "24.11.2026 19:03 UTC"),
        (-18_000, "EST", "en", "2026-11-24 19:03 EST"),
        (20_700, "+0545", "en", "2026-11-24 19:03 UTC+05:45"),
        (-10_800, "-03", "de", "24.11.2026 19:03 UTC-03:00"),
    ],
)
def test_a_time_carries_its_zone(offset_s: int, zone: str, language: str, text: str) -> None:
    wall = datetime(2026, 11, 24, 19, 3, tzinfo=timezone(timedelta(seconds=offset_s), zone))
    assert time_text(wall, language) == text


def test_a_time_that_nobody_knows_is_told_as_unknown() -> None:
    stand = Stand()
    stand.trusted = False
    (raised,) = stand.look(RCD)
    assert "Since: time unknown (0 s ago)" in raised.text


def test_the_end_says_how_long_it_lasted_and_how_often() -> None:
    stand = Stand()
    stand.look(RCD)
    stand.happen(RCD, 2)
    stand.wait(600, RCD)
    (cleared,) = stand.wait(100)
    assert "How often: 3" in cleared.text
    assert "Over since: 2027-01-15 09:" in cleared.text
    assert cleared.short.endswith("3x in 11 min")


@pytest.mark.parametrize("language", languages())
def test_the_short_text_of_every_condition_fits_one_sms(language: str) -> None:
    for one in entries().values():
        wanted = frozenset({one.id})
        sms = contact(
            severity_min="info", language=language, conditions=wanted, ways=((Channel.SMS, PHONE),)
        )
        stand = Stand(sms)
        condition = Condition(id=one.id, place="EVSE 12, contactor_load/12", detail="… → ä€[" * 20)
        stand.look(condition)
        stand.now_s += 1000
        stand.look(condition)
        short = stand.sent[0].short
        assert length(short) <= 160, one.id
        assert set(short) <= BASIC | EXTENDED, one.id


def test_signs_that_sms_lacks_become_something_alike() -> None:
    assert gsm_text("„Strom“ – 5 °C … ő") == '"Strom" - 5 C ... o'


def test_double_signs_count_twice_when_cut() -> None:
    assert length(cut("€" * 100, 160)) <= 160
    assert cut("x" * 200, 10) == "xxxxxxx..."


def test_all_codes_are_different_and_none_is_a_word() -> None:
    codes = {code_of(number) for number in range(COUNT)}
    assert len(codes) == COUNT
    assert all(code[-1].isdigit() and code[:3].isalpha() for code in codes)


def test_a_code_is_found_in_whatever_was_written_around_it() -> None:
    assert list(codes_in("re: ok, xkp7. thanks (XKP7)")) == ["XKP7"]
    assert list(codes_in("ABXKP7 XKP77 2024 HELP")) == []


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7100, "118 min"),
        (7200, "2 h"),
        (1e6, "12 days"),
    ],
)
def test_a_duration_is_told_in_its_weightiest_unit(duration_s: float, text: str) -> None:
    assert lasted(duration_s, "en") == text
