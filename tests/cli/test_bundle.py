"""`chargepoint bundle`: what is in it, what is not, and that nothing secret is."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from chargepoint.cli import bundle as bundle_module
from chargepoint.config import load
from chargepoint.ipc.care import (
    AlertStatus,
    AuditLine,
    DeliveryStatus,
    GetAlerts,
    GetAudit,
    GetHealth,
    GetLog,
    LogLine,
)
from chargepoint.ipc.messages import Said
from chargepoint.ipc.service import Answered, ArchivePart, Done, MakeDiagnostics, Request
from tests.cli.agents import Agent, call
from tests.cli.test_bus_survey import health

SECRETS = {
    "csms password": "csms-Passw0rd-of-20-chars",
    "proxy password": "proxy-Passw0rd",
    "SMTP password": "smtp-Passw0rd",
    "IMAP password": "imap-Passw0rd",
    "MQTT password": "mqtt-Passw0rd",
    "webhook secret": "webhook-S3cret",
    "PIN": "48151623",
    "phone": "+4915112345678",
    "message centre": "+491710760000",
    "address": "anna.berg@mail.example.org",
    "sender": "charger@berg.example",
    "mailbox": "mailbox@berg.example",
    "webhook": "https://hooks.example/T0KEN-in-the-path",
    "ntfy topic": "https://ntfy.example/secret-topic-77",
    "Apprise": "tgram://123456789:AbCdEfGh/987654321",
    "dead man": "https://hc.example/0f0f-ping-key",
    "authorization key": "c0ffee00c0ffee00c0ffee00",
}
CONFIGURED = f"""
[csms]
url = "ws://127.0.0.1:8180/ocpp"
password = "{SECRETS["csms password"]}"
security_profile = 1
proxy = "http://10.0.0.1:3128"
proxy_user = "proxy"
proxy_password = "{SECRETS["proxy password"]}"

[[bus]]
name = "gsm"
kind = "serial"
port = "gsm.tty"

[mqtt]
host = "127.0.0.1"
user = "broker-user"
password = "{SECRETS["MQTT password"]}"

[[alerts.contact]]
name = "anna"
email = "{SECRETS["address"]}"
sms = "{SECRETS["phone"]}"
webhook = "{SECRETS["webhook"]}"
ntfy = "{SECRETS["ntfy topic"]}"
apprise = ["{SECRETS["Apprise"]}"]

[alerts.email]
server = "mail.example.org"
sender = "{SECRETS["sender"]}"
user = "{SECRETS["mailbox"]}"
password = "{SECRETS["SMTP password"]}"
reply_server = "imap.example.org"
reply_user = "{SECRETS["mailbox"]}"
reply_password = "{SECRETS["IMAP password"]}"

[alerts.modem]
bus = "gsm"
pin = "{SECRETS["PIN"]}"
smsc = "{SECRETS["message centre"]}"

[alerts.webhook]
secret = "{SECRETS["webhook secret"]}"

[alerts.dead_man]
url = "{SECRETS["dead man"]}"

[ocpp.v16]
AuthorizationKey = "{SECRETS["authorization key"]}"
"""


WRITTEN = "The cable is torn (answer to: 0151 2345678)"
"""No secret and of no form that is found, but a driver's own words."""


class Station:
    """An agent that repeats every secret in everything it says."""

    def answer(self, request: Request) -> Sequence[Answered]:
        everything = " ".join(SECRETS.values())
        fields = {str(number): secret for number, secret in enumerate(SECRETS.values())}
        match request:
            case MakeDiagnostics():
                return (*self.archive(everything), Done(ok=True))
            case GetHealth():
                return (health(),)
            case GetLog():
                return (
                    LogLine(at="T", level="info", part="p", event="x.y", fields=fields),
                    Done(ok=True),
                )
            case GetAudit():
                line = AuditLine(
                    at="T", user="u", by="", action="A", detail=everything, ok=True, outcome=""
                )
                return (line, Done(ok=True))
            case GetAlerts():
                return (alert(everything), reported(), Done(ok=True))
            case _:
                return (Done(ok=False, detail="not served here"),)

    def archive(self, text: str) -> Iterator[ArchivePart]:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("log.txt", text)
            archive.writestr("status.json", "{}")
        data = made.getvalue()
        for at in range(0, len(data), 100):
            yield ArchivePart(data=data[at : at + 100])


def alert(text: str) -> AlertStatus:
    return AlertStatus(
        alert="A7",
        condition="grid_lost",
        place="",
        severity="error",
        title="t",
        detail=text,
        raised_at="",
        cleared_at="",
        open=True,
        age_s=1.0,
        count=1,
        acknowledged_by="",
        muted=False,
        deliveries=(
            DeliveryStatus(
                contact="anna", channel="sms", about="raised", state="sent", attempts=1, detail=text
            ),
        ),
    )


def reported() -> AlertStatus:
    return msgspec.structs.replace(
        alert(""),
        condition="problem_reported",
        detail=WRITTEN,
        said=Said(id="report", fields={"text": WRITTEN}),
    )


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    monkeypatch.setattr(bundle_module, "COMMANDS", ())
    with Agent(tmp_path, Station().answer) as made:
        made.config.write_text(configured(made.config.read_text()))
        yield made


def configured(text: str) -> str:
    """The example with everything secret that can be configured, in the place of its CSMS."""
    begin, end = text.index("[csms]"), text.index("[ocpp.v16]")
    options = text[end:].split("\n", 1)[1]
    begun = text[:begin]
    settings, _, rest = options.partition("\n[[bus]]")
    return begun + CONFIGURED + settings + "\n[[bus]]" + rest


def texts(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_no_secret_is_in_any_file_of_it(agent: Agent, tmp_path: Path) -> None:
    result = agent.call("bundle", str(tmp_path / "b.zip"))
    assert result.exit_code == 0, result.output
    found = texts(tmp_path / "b.zip")
    assert {"diagnostics/log.txt", "alerts.json", "audit.jsonl", "log.jsonl", "doctor.json"} <= set(
        found
    )
    leaks = [
        f"{what} in {name}"
        for name, text in found.items()
        for what, secret in SECRETS.items()
        if secret in text or secret.replace("/", "\\/") in text
    ]
    assert leaks == []
    about = json.loads(found["alerts.json"])[1]
    assert (about["condition"], about["detail"]) == ("problem_reported", "…")
    assert WRITTEN not in found["alerts.json"]


def test_with_the_station_stopped_the_configuration_is_there_and_no_secret(
    agent: Agent, tmp_path: Path
) -> None:
    load(str(agent.config)).agent_socket().unlink()
    result = call(agent.config, "bundle", str(tmp_path / "b.zip"), "--json")
    assert result.exit_code == 0, result.output
    found = texts(tmp_path / "b.zip")
    assert '"host":"mail.example.org"' not in found["config.json"]
    assert "mail.example.org" in found["config.json"], "a server is no secret"
    assert [s for s in SECRETS.values() for text in found.values() if s in text] == []
    said = json.loads(result.output)
    assert "the agent does not answer" in said["missing"]["health.json"]
    assert "health.json: the agent does not answer" in found["missing.txt"]


def test_it_says_what_it_could_not_have(agent: Agent, tmp_path: Path) -> None:
    result = agent.call("bundle", str(tmp_path / "b.zip"))
    assert "without maintenance.json: not served here" in result.output
    assert "maintenance.json: not served here" in texts(tmp_path / "b.zip")["missing.txt"]


def test_it_is_readable_for_its_owner_only(agent: Agent, tmp_path: Path) -> None:
    agent.call("bundle", str(tmp_path / "b.zip"))
    assert stat.S_IMODE((tmp_path / "b.zip").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob("b.zip*")) == ["b.zip"]


def test_a_place_that_cannot_be_written_is_told(agent: Agent, tmp_path: Path) -> None:
    result = agent.call("bundle", str(tmp_path / "nowhere/b.zip"))
    assert result.exit_code == 1
    assert "cannot be written" in result.output
