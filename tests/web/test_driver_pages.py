"""The driver's pages and their API over HTTP, with an agent of our own behind them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

import chargepoint.web
from chargepoint.catalog import entries, entry, languages
from chargepoint.ipc.service import Done, GetTransactions, LedgerTransaction
from tests.hil.asgi import Client
from tests.web.driver_samples import SECRETS, STOPPED, evse, hazard, site, snapshot, station

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}
PAGES = ("/", "/problem", "/subscribe", "/thanks?about=problem", "/thanks?about=subscribe")
PAGE_MAX_BYTES = 40_000


class Landmarks(HTMLParser):
    """Counts elements; remembers links and labels."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [found for each, found in self.attributes if each == tag]


def charging() -> Any:
    return station(evse("Charging"))


# --- Pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_one_heading_landmarks_and_nothing_from_elsewhere(
    path: str, language: str
) -> None:
    app, _ = site(charging())
    answer = Client(app).get(path, {"accept-language": language})
    found = Landmarks(answer.text)
    assert answer.status == 200
    assert found.every("html") == [{"lang": language}]
    for tag in ("h1", "main", "header", "nav", "title"):
        assert found.tags.count(tag) == 1, tag
    sources = [v for _, a in found.attributes for k, v in a.items() if k in ("src", "action")]
    sources += [a.get("href") for a in found.every("link")]
    assert [s for s in sources if s is None or not s.startswith("/") or s.startswith("//")] == []
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|style=", answer.text)


@pytest.mark.parametrize("path", PAGES)
def test_every_field_has_a_label(path: str) -> None:
    found = Landmarks(Client(site(charging(), evses=2)[0]).get(path).text)
    labelled = {label.get("for") for label in found.every("label")}
    fields = [*found.every("input"), *found.every("select"), *found.every("textarea")]
    bare = [f for f in fields if f.get("type") not in ("hidden", "radio")]
    assert [f for f in bare if f.get("id") not in labelled] == []


def test_the_first_view_needs_no_script() -> None:
    text = Client(site(charging())[0]).get("/").text
    assert "7.4 kW" in text
    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in text
    assert 'href="tel:+4930123456"' in text


def test_all_that_a_phone_loads_is_small() -> None:
    text = Client(site(charging())[0]).get("/").text
    static = Path(chargepoint.web.__file__).parent / "static"
    size = len(text) + sum(file.stat().st_size for file in static.glob("driver*"))
    assert size < PAGE_MAX_BYTES


def test_several_places_are_listed_and_each_has_its_page() -> None:
    app, _ = site(station(evse("Charging", 1), hazard("door_open", 2)), evses=2)
    index = Client(app).get("/?lang=de").text
    assert "/e/1?lang=de" in index
    assert "Störung" in index
    second = Client(app).get("/e/2?lang=de").text
    assert "Gehäuse der Ladestation ist offen" in second
    assert Client(app).get("/e/7").headers["location"] == "/"


def test_a_station_that_does_not_answer_still_has_a_page_with_whom_to_call() -> None:
    answer = Client(site(None)[0]).get("/")
    assert answer.status == 200
    assert "No contact with the charger" in answer.text
    assert "+49 (30) 123-456" in answer.text


def test_nothing_from_the_configuration_or_the_agent_becomes_markup() -> None:
    nasty = "<script>alert(1)</script>"
    told = evse("Charging", fault=nasty)
    changes = {"site.name": nasty, "site.support_email": '"><script>x@x.example'}
    text = Client(site(station(told), changes)[0]).get("/").text
    assert "<script>alert" not in text
    assert '"><script>' not in text


@pytest.mark.parametrize("language", languages())
def test_every_text_for_drivers_can_stand_on_the_page(language: str) -> None:
    """Of hazards and faults, those that stop and those that only warn."""
    told = [found.id for found in entries().values() if found.driver]
    assert len(told) > 40
    for name in told:
        stops = entries()[name].stops
        warned = evse("Charging", control=snapshot(hazards=(name,)))
        app, _ = site(station(hazard(name) if stops else warned))
        text = Client(app).get(f"/?lang={language}").text
        assert escape(entry(name, language).driver) in text, name


@pytest.mark.parametrize("path", ["/", "/e/1", "/e/2", "/api/driver", "/api/driver/1"])
def test_no_secret_of_the_station_stands_on_a_page(path: str) -> None:
    app, _ = site(station(evse("Charging", 1), evse("Finishing", 2)), evses=2)
    text = Client(app).get(path).text
    assert [secret for secret in SECRETS if secret in text] == []


def test_the_kiosk_has_a_code_to_scan_and_no_way_out() -> None:
    changes = {"web.public_url": "https://charge.example/nord"}
    app, _ = site(charging(), changes)
    found = Landmarks(Client(app).get("/?kiosk=1").text)
    assert found.every("img")[0]["src"] == "/qr.svg?kiosk=1&evse=1"
    away = [a["href"] for a in found.every("a") if not (a["href"] or "").startswith(("/?", "#"))]
    assert away == []
    code = Client(app).get("/qr.svg?evse=1")
    assert code.headers["content-type"].startswith("image/svg+xml")
    assert b"<svg" in code.body


def test_without_an_address_that_others_can_use_there_is_no_code() -> None:
    app, _ = site(charging())
    assert Client(app).get("/qr.svg").status == 404
    assert "/qr.svg" not in Client(app).get("/?kiosk=1").text


def test_the_pages_can_be_switched_off() -> None:
    app, _ = site(charging(), {"web.driver_page": False})
    assert Client(app).get("/").status == 404


# --- API ------------------------------------------------------------------------------------------


def test_the_api_tells_all_places_or_one_in_the_language_asked_for() -> None:
    app, _ = site(station(evse("Charging", 1), evse("Available", 2)), evses=2)
    both = Client(app).get("/api/driver?lang=de").json()
    assert [each["state"] for each in both["evses"]] == ["charging", "free"]
    assert both["evses"][1]["headline"] == "Frei"
    assert [e["evse"] for e in Client(app).get("/api/driver/2").json()["evses"]] == [2]
    assert Client(app).get("/api/driver/9").status == 404
    assert Client(app).get("/api/driver/9/events").status == 404


def test_a_session_that_is_over_is_asked_for_once_and_shown() -> None:
    app, agent = site(station(evse("Finishing", control=snapshot(**STOPPED))))
    agent.transactions = [row(1, 5000), row(2, 9000), row(1, 12340)]
    client = Client(app)
    for _ in range(2):
        shown = client.get("/api/driver").json()["evses"][0]
        assert (shown["energy_kwh"], shown["duration_s"]) == (12.34, 3600.0)
    assert len([each for each in agent.asked if isinstance(each, GetTransactions)]) == 1


def row(evse_: int, energy_wh: int) -> LedgerTransaction:
    return LedgerTransaction(
        id="t",
        csms_id=1,
        evse=evse_,
        id_token="••",
        started_at="2026-11-24T13:00:00Z",
        ended_at="2026-11-24T14:00:00Z",
        meter_start_wh=0,
        energy_wh=energy_wh,
        reason="Local",
        state="acknowledged",
        running=False,
        refused=(),
        problem="",
    )


# --- Forms ----------------------------------------------------------------------------------------


def test_a_problem_reaches_the_agent_and_the_driver_is_told_whom_to_call() -> None:
    app, agent = site(charging(), evses=2)
    body = b"text=The+plug+is+stuck%0D%0A%C3%84rgerlich&evse=2&answer_to=0170+1&website="
    answer = Client(app).post("/api/driver/problem?lang=de", body, FORM)
    assert answer.status == 303
    assert answer.headers["location"] == "/thanks?lang=de&about=problem"
    (asked,) = agent.actions()
    assert (asked.text, asked.evse) == ("The plug is stuck\nÄrgerlich", 2)
    assert (asked.answer_to, asked.by) == ("0170 1", "driver's page")
    assert "tel:+4930123456" in Client(app).get(answer.headers["location"]).text


def test_what_was_written_is_not_lost_when_it_is_too_long() -> None:
    app, agent = site(charging())
    answer = Client(app).post("/api/driver/problem", b"text=" + b"a" * 501, FORM)
    assert answer.status == 400
    assert "There are 501." in answer.text
    assert "a" * 501 in answer.text
    assert agent.actions() == []


@pytest.mark.parametrize(
    "body",
    [b"", b"text=", b"text=%20%0A", b"text=x&evse=9", b"text=x&evse=one", b"\xff\xfe", b"text=%00",
     b"a=1&" * 30 + b"text=x", b"text=" + b"x" * 9000, b"text=x&answer_to=" + b"y" * 101],
)  # fmt: skip
def test_a_form_that_is_no_form_is_refused_and_nothing_breaks(body: bytes) -> None:
    app, agent = site(charging())
    assert Client(app).post("/api/driver/problem", body, FORM).status == 400
    assert agent.actions() == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"text": 1}', b'{"text": ""}', b"null", b'{"x":' + b"[" * 8000,
     b'{"x":' + b'{"a":' * 1300 + b"1" + b"}" * 1301, b'{"text":"\\ud83d"}', b'{"evse":1e999}'],
)  # fmt: skip
def test_json_that_is_no_form_is_refused_in_json(body: bytes) -> None:
    app, agent = site(charging())
    answer = Client(app).post("/api/driver/problem", body, JSON)
    assert answer.status == 400
    assert answer.json()["error"]
    assert agent.actions() == []


def test_a_form_of_another_site_is_refused() -> None:
    app, agent = site(charging())
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://[::1"},
        {"sec-fetch-site": "cross-site"},
    ):
        answer = Client(app).post("/api/driver/problem", b"text=x", {**FORM, **headers})
        assert answer.status == 403
    assert agent.actions() == []
    own = {**FORM, "origin": "http://127.0.0.1:8099"}
    assert Client(app).post("/api/driver/problem", b"text=x", own).status == 303


def test_a_robot_is_thanked_and_nobody_is_disturbed() -> None:
    app, agent = site(charging())
    answer = Client(app).post("/api/driver/problem", b"text=Buy&website=http://spam", FORM)
    assert answer.status == 303
    assert agent.actions() == []


def test_nobody_sends_many_problems_and_all_together_not_either() -> None:
    from tests.web.driver_samples import Clock

    clock = Clock()
    app, agent = site(charging(), clock=clock)
    codes = [Client(app).post("/api/driver/problem", b"text=x", FORM).status for _ in range(4)]
    assert codes == [303, 303, 303, 429]
    others = [
        Client(app, f"10.0.0.{n}").post("/api/driver/problem", b"text=x", FORM).status
        for n in range(30)
    ]
    assert others.count(303) == 27
    assert len(agent.actions()) == 30
    clock.now_s += 600
    assert Client(app).post("/api/driver/problem", b"text=x", FORM).status == 303


def test_all_addresses_of_one_ipv6_network_are_one_driver() -> None:
    app, agent = site(charging())
    codes = [
        Client(app, f"2001:db8:1:2::{n}").post("/api/driver/problem", b"text=x", FORM).status
        for n in range(1, 9)
    ]
    assert codes.count(303) == len(agent.actions()) == 3


def test_a_station_that_does_not_answer_keeps_the_words_of_the_driver() -> None:
    app, _ = site(None)
    answer = Client(app).post("/api/driver/problem", b"text=Stuck", FORM)
    assert answer.status == 503
    assert ">Stuck</textarea>" in answer.text


def test_a_refusal_of_the_agent_is_told_without_its_details() -> None:
    app, agent = site(charging())
    agent.outcome = Done(ok=False, detail="store: disk I/O error")
    answer = Client(app).post("/api/driver/problem", b'{"text": "x"}', JSON)
    assert answer.status == 409
    assert "disk" not in answer.text


@pytest.mark.parametrize(
    ("channel", "address", "kept"),
    [
        ("email", " me@home.example ", "me@home.example"),
        ("sms", "+49 151/123-45678", "+4915112345678"),
    ],
)
def test_a_wish_to_be_told_reaches_the_agent(channel: str, address: str, kept: str) -> None:
    app, agent = site(charging())
    body = {"evse": 1, "wanted": "free", "channel": channel, "address": address}
    answer = Client(app).post("/api/driver/subscribe?lang=de", json.dumps(body).encode(), JSON)
    assert answer.status == 200
    (asked,) = agent.actions()
    assert (asked.evse, asked.wanted, asked.channel) == (1, "free", channel)
    assert (asked.address, asked.language) == (kept, "de")


@pytest.mark.parametrize(
    "changes",
    [{"address": "no"}, {"address": "a@b"}, {"address": "a@b.example\r\nBcc: c@d.example"},
     {"address": "a@b.example,c@d.example"}, {"channel": "sms"}, {"channel": "webhook"},
     {"wanted": "never"}, {"evse": 0}, {"evse": 5}],
)  # fmt: skip
def test_a_wish_that_cannot_be_met_is_refused(changes: dict[str, Any]) -> None:
    app, agent = site(charging())
    body = {"evse": 1, "wanted": "done", "channel": "email", "address": "a@b.example", **changes}
    answer = Client(app).post("/api/driver/subscribe", json.dumps(body).encode(), JSON)
    assert answer.status == 400
    assert agent.actions() == []


def test_only_channels_that_the_operator_has_enabled_are_offered() -> None:
    app, _ = site(charging(), {"web.subscribe": ["sms", "webhook"]})
    text = Client(app).get("/subscribe").text
    assert 'value="sms"' in text
    assert 'value="email"' not in text
    assert 'value="webhook"' not in text
    none, _ = site(charging(), {"web.subscribe": []})
    assert "/subscribe" not in Client(none).get("/").text
    assert Client(none).get("/subscribe").status == 303
