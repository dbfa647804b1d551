"""What the owner's area answers."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from chargepoint.catalog import languages, phrases
from chargepoint.ipc.care import AcknowledgeAlert, GetAlerts, MuteAlert, SetLocalLimit
from chargepoint.ipc.messages import Said
from chargepoint.ipc.service import Done, Resend
from chargepoint.web.api import doctor
from chargepoint.web.api.openapi import document
from chargepoint.web.api.table import endpoints
from chargepoint.web.examination import Examination
from tests.web.place import ALERT, EVIL, OWNER, PASSWORD, STATUS, TECHNICIAN, Place, serving


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with serving(tmp_path_factory.mktemp("api"), csms__password="hidden-secret-1") as place:
        yield place


def test_the_document_has_every_endpoint_and_no_other() -> None:
    table = endpoints()
    paths = document(table)["paths"]
    found = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert found == {(one.method, one.public_path) for one in table}


def test_the_document_is_published(place: Place) -> None:
    found = place.visitor().get("/api/openapi.json").json()
    assert found["openapi"] == "3.1.0"
    assert found["paths"]["/api/evses/{evse}/limit"]["post"]["security"] == [
        {"session": [], "token": []}
    ]


def test_the_table_for_spreadsheets_runs_nothing(place: Place) -> None:
    answer = place.visitor(TECHNICIAN).get("/api/transactions.csv")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert rows[0]["reason"] == "'" + EVIL
    assert (rows[0]["energy_wh"], rows[0]["id_token"]) == ("20", "…E5F6")


def test_a_record_in_parts_is_shown_whole(place: Place) -> None:
    found = place.visitor(TECHNICIAN).get("/api/records").json()
    assert [(one["sequence"], one["text"]) for one in found] == [(4, '{"a":1}')]


def test_no_secret_of_the_file_is_shown(place: Place) -> None:
    answer = place.visitor(OWNER).get("/api/file")
    values = {one["key"]: (one["value"], one["origin"]) for one in answer.json()}
    assert b"hidden-secret-1" not in answer.body
    assert values["csms.password"] == ("…", "default")
    assert values["csms.url"][0].startswith("ws://")
    assert values["evse.2.current_max_a"][0] == "16.0"


@pytest.mark.parametrize(
    ("path", "body", "asked"),
    [
        ("alerts/acknowledge", {"alert": "K7"}, AcknowledgeAlert(alert="K7", by=OWNER)),
        ("alerts/mute", {"condition": "rcd_tripped", "minutes": 5.0},
         MuteAlert(condition="rcd_tripped", minutes=5.0, by=OWNER)),
        ("evses/1/limit", {"current_a": None}, SetLocalLimit(evse=1, current_a=None, by=OWNER)),
        ("limit", {"current_a": 10.5}, SetLocalLimit(evse=0, current_a=10.5, by=OWNER)),
        ("records/4/resend", None, Resend(sequence=4, by=OWNER)),
    ],
)  # fmt: skip
def test_an_action_becomes_the_request_that_it_names(
    place: Place, path: str, body: object, asked: object
) -> None:
    assert place.visitor(OWNER).post(f"/api/{path}", body).code == 200
    assert place.agent.asked[-1] == asked


def test_a_refusal_of_the_agent_is_told(place: Place) -> None:
    place.agent.answers[Resend] = [Done(ok=False, detail="no such record")]
    answer = place.visitor(OWNER).post("/api/records/4/resend")
    place.agent.answers.pop(Resend)
    assert (answer.code, answer.json()) == (409, {"error": "no such record"})


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("evses/1/limit", {"current_a": -1}, 400),
        ("evses/1/limit", {"current_a": 1, "more": 1}, 400),
        ("evses/1/limit", {"current_a": "NaN"}, 400),
        ("evses/x/limit", {"current_a": 1}, 404),
        ("alerts/mute", {"condition": "x" * 101, "minutes": 1}, 400),
        ("alerts/mute", [], 400),
    ],
)
def test_a_malformed_call_is_refused_with_its_mistake(
    place: Place, path: str, body: object, code: int
) -> None:
    answer = place.visitor(OWNER).post(f"/api/{path}", body)
    assert answer.code == code
    assert answer.json()["error"]


def test_a_body_of_another_kind_is_refused(place: Place) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = place.visitor(OWNER).ask("POST", "/api/csms", headers=form, raw=b"connected=true")
    assert answer.code == 415


def test_alerts_are_told_in_the_language_of_the_page(place: Place) -> None:
    said = Said(id="voltage", fields={"phase": 2, "voltage_v": 270.4, "limit_v": 264.5})
    alert = msgspec.structs.replace(ALERT, condition="over_voltage", detail="L2 270 V", said=said)
    place.agent.answers[GetAlerts] = [alert, Done(ok=True)]
    try:
        (found,) = place.visitor(TECHNICIAN).get("/api/alerts?lang=de").json()
    finally:
        place.agent.answers[GetAlerts] = [ALERT, Done(ok=True)]
    assert (found["place"], found["title"], found["detail"]) == (
        "Ladepunkt 1",
        "Netzspannung zu hoch",
        "L2 270 V, Grenze 264 V",
    )


def test_the_archive_is_handed_on(place: Place) -> None:
    answer = place.visitor(TECHNICIAN).post("/api/diagnostics")
    assert (answer.headers["Content-Type"], answer.body) == ("application/zip", b"PKzip")


def test_the_newest_audit_line_comes_first(place: Place) -> None:
    found = place.visitor(TECHNICIAN).get("/api/audit").json()
    assert [one["at"] for one in found] == ["2", "1"]


def test_series_are_gaps_where_nothing_is_known(place: Place) -> None:
    visitor = place.visitor(TECHNICIAN)
    found = visitor.get("/api/evses/2/series?span=hours").json()
    assert (len(found["power_w"]), found["step_s"]) == (2160, 10.0)
    assert set(found["temperature_c"]) == {None}
    assert visitor.get("/api/evses/2/series?span=years").code == 400
    assert visitor.get("/api/evses/99/series").code == 404


@pytest.mark.parametrize("language", languages())
def test_the_page_gets_its_words(place: Place, language: str) -> None:
    found = place.visitor().get(f"/api/phrases?lang={language}").json()
    assert found["phrases"]["web.login"] == phrases(language)["web.login"]
    assert found["catalogue"] == {}, "not before the login"
    inside = place.visitor(TECHNICIAN).get(f"/api/phrases?lang={language}").json()
    assert inside["catalogue"]["rcd_tripped"]["title"]


def test_without_the_agent_that_is_said(place: Place) -> None:
    path = place.config.agent_socket()
    away = path.with_suffix(".away")
    visitor = place.visitor(OWNER)
    path.rename(away)
    answer = visitor.get("/api/transactions")
    away.rename(path)
    assert answer.code == 503
    assert "the agent does not answer" in answer.json()["error"]


# --- Doctor ---------------------------------------------------------------------------------------

FINDING = {
    "part": "bus", "check": "c", "subject": "", "level": "pass", "title": "t", "found": "",
    "cause": "", "next_step": "", "catalogue": [],
}  # fmt: skip
SCRIPT = """
import json, pathlib, sys
arguments = sys.argv[1:]
print(json.dumps({finding}))
if "--report" in arguments:
    pathlib.Path(arguments[arguments.index("--report") + 1]).write_text(" ".join(arguments))
sys.exit({code})
"""


def doctor_of(monkeypatch: pytest.MonkeyPatch, folder: Path, code: int) -> None:
    script = folder / f"doctor{code}.py"
    script.write_text(SCRIPT.format(finding=json.dumps([FINDING]), code=code), "utf-8")
    made = Examination("station.toml", (sys.executable, str(script)))
    monkeypatch.setattr(doctor, "Examination", lambda source: made)


@pytest.mark.parametrize(("code", "answer"), [(0, 200), (1, 200), (2, 503)])
def test_the_doctor_may_find_faults_but_not_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, answer: int
) -> None:
    doctor_of(monkeypatch, tmp_path, code)
    with serving(tmp_path) as place:
        found = place.visitor(TECHNICIAN).post("/api/doctor?lang=de")
    assert found.code == answer
    if answer == 200:
        assert found.json() == [FINDING]


def test_a_report_names_who_made_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    doctor_of(monkeypatch, tmp_path, 0)
    with serving(tmp_path) as place:
        found = place.visitor(TECHNICIAN).post("/api/doctor/report?note=--help")
    assert found.code == 200
    assert "--by=toni --note=--help" in found.body.decode()


# --- Fuzz -----------------------------------------------------------------------------------------


def test_no_call_that_the_document_allows_breaks_anything(place: Place) -> None:
    """schemathesis over the published document, with the login of an owner."""
    visitor = place.visitor(OWNER)
    raw = visitor.get("/api/openapi.json").json()
    for path in ("/api/logout", "/api/password", "/api/doctor", "/api/doctor/report"):
        del raw["paths"][path]
    for path, methods in list(raw["paths"].items()):
        if "text/event-stream" in str(methods):
            del raw["paths"][path]  # these do not end
    raw["paths"]["/api/accounts"].pop("post")  # each takes as long as scrypt does
    schema = schemathesis.openapi.from_dict(raw)
    headers = {"Cookie": f"session={visitor.cookie}", "X-CSRF-Token": visitor.csrf}
    tried = 0

    def attempt(case: schemathesis.Case) -> None:
        nonlocal tried
        tried += 1
        place.desk.throttle._failures.clear()
        case.call_and_validate(
            base_url=f"http://127.0.0.1:{place.port}",
            headers=headers,
            checks=[not_a_server_error, response_schema_conformance],
        )

    wanted = settings(
        max_examples=3, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    for found in schema.get_all_operations():
        wanted(given(case=found.ok().as_strategy())(attempt))()
    assert tried > 80
    assert place.visitor(OWNER).get("/api/status").json()["version"] == STATUS.version
    assert PASSWORD not in json.dumps(raw)
