"""The simulated modem by itself and behind the simulator's interface; buzzer and lamp beside it."""

from __future__ import annotations

from typing import Any

import pytest

from hal.drivers.gsm_modem import GsmModem
from hal.drivers.gsm_reports import Received, Sent, State
from hal.sms.submit import pdus
from hil.plant.modem import MODEM_FAULTS, Modem
from hil.stage import example
from hil.wire.line_time import LineTime
from hil.wire.modem_unit import ModemUnit
from hil.wire.sms_pdu import Unreadable, read_submit
from tests.hal.modem_line import VirtualLine
from tests.hil.test_http import Rig

HELLO = "0001000B912120550521F30000134374587E2ECB41E6709D4D070DB1B0180D"
"""`Charger fault CX014` to +12025550123: two independent encoders agree."""
MODEM = {
    "bus": [
        *example()["bus"],
        {"name": "gsm", "kind": "serial", "port": "gsm.tty", "baud": 115_200},
    ],
    "alerts": {
        "modem": {"bus": "gsm", "pin": "1234"},
        "signal": {"bus": "safety", "unit": 77, "lamp_coil": 0, "buzzer_coil": 3},
    },
}


class Wire:
    """Commands by hand."""

    def __init__(self, modem: Modem | None = None) -> None:
        self.unit = ModemUnit(modem or Modem(), LineTime(115_200))
        self.now_s = 0.0
        self.say("ATE0")

    def say(self, text: str, within_s: float = 3.0, end: str = "\r") -> list[str]:
        """Lines within `within_s`."""
        self.unit.hear(f"{text}{end}".encode(), self.now_s)
        until_s = self.now_s + within_s
        data = b""
        while self.now_s < until_s:
            data += b"".join(self.unit.due(self.now_s))
            self.now_s = max(self.now_s, min(self.unit.next_s(), until_s))
        return [line for line in data.decode("latin-1").split("\r\n") if line]


def test_a_message_goes_by_command_prompt_and_text() -> None:
    wire = Wire()
    assert wire.say("AT+CMGS=30") == ["> "]
    assert wire.say(HELLO, end="\x1a") == ["+CMGS: 1", "OK"]
    (sent,) = wire.unit.modem.sent
    assert (sent.to, sent.text) == ("+12025550123", "Charger fault CX014")


@pytest.mark.parametrize(
    ("length", "pdu"), [(31, HELLO), (30, HELLO[:-2]), (30, "00" + HELLO[4:]), (30, "hello")]
)
def test_a_damaged_message_is_refused(length: int, pdu: str) -> None:
    wire = Wire()
    wire.say(f"AT+CMGS={length}")
    assert wire.say(pdu, end="\x1a") == ["+CMS ERROR: 304"]
    assert not wire.unit.modem.sent


def test_an_escape_ends_a_text() -> None:
    wire = Wire()
    wire.say("AT+CMGS=30")
    assert wire.say(HELLO, end="\x1b") == ["OK"]
    assert wire.say("AT") == ["OK"]
    assert not wire.unit.modem.sent


def test_three_wrong_pins_block_the_sim() -> None:
    wire = Wire(Modem(pin="1234"))
    assert [wire.say('AT+CPIN="0000"') for _ in range(3)] == [["+CME ERROR: 16"]] * 3
    assert wire.say("AT+CPIN?") == ["+CPIN: SIM PUK", "OK"]
    assert wire.say('AT+CPIN="1234"') == ["+CME ERROR: 12"]


def test_a_restart_forgets_echo_and_pin() -> None:
    wire = Wire(Modem(pin="1234"))
    wire.say('AT+CPIN="1234"')
    wire.unit.restart(wire.now_s)
    assert wire.say("AT", within_s=10.0) == ["RDY", "+CPIN: SIM PIN", "SMS Ready"]
    assert wire.say("AT") == ["AT\r", "OK"]


def test_unknown_commands_are_errors() -> None:
    assert Wire().say("AT+MAGIC") == ["ERROR"]


@pytest.mark.parametrize("text", ["", "00", "0011", "0001000B91"])
def test_what_is_no_submit_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        read_submit(text)


# --- behind the interface -------------------------------------------------------------------------


@pytest.fixture
def rig() -> Rig:
    return Rig(**MODEM)


def served(rig: Rig) -> GsmModem:
    """A driver on the modem of the plant, ready."""
    line = VirtualLine(rig.built.modems["gsm"])
    line.now_s = 0.0
    driver = GsmModem(line, pin="1234", may_try_pin=lambda: True)
    while driver.status.state is not State.READY:
        driver.step()
        assert line.now_s < 60.0
    return driver


def test_the_state_shows_what_was_sent(rig: Rig) -> None:
    driver = served(rig)
    driver.send(1, pdus("+12025550123", "hello"))
    events: list[Any] = []
    while not events:
        events += driver.step()
    assert isinstance(events[0], Sent)
    modem = rig.state()["modem"]["gsm"]
    (sent,) = modem.pop("sent")
    assert modem == {"sim": "READY", "registered": True, "on": True, "stored": 0}
    assert (sent["to"], sent["text"], sent["parts"]) == ("+12025550123", "hello", 1)
    assert rig.built.world.plant.record.after(0)[-1].type == "sms_sent"


def test_a_message_that_is_posted_arrives(rig: Rig) -> None:
    driver = served(rig)
    rig.post("/modem/gsm/receive", {"from": "+4915112345678", "text": "ack 7"})
    events: list[Any] = []
    while not events:
        events += driver.step()
    assert events == [Received(number="+4915112345678", text="ack 7")]


@pytest.mark.parametrize(
    ("path", "body", "status", "where"),
    [
        ("/modem/gsm/receive", {"from": "you", "text": "x"}, 422, "from"),
        ("/modem/gsm/receive", {"from": "+4915112345678", "text": ""}, 422, "text"),
        ("/modem/gsm/receive", {"from": "+4915112345678", "text": "x" * 71}, 422, "text"),
        ("/modem/rfid/receive", {"from": "+4915112345678", "text": "x"}, 404, "modem"),
        ("/modem/gsm/receive", {"text": "x"}, 422, "body"),
    ],
)
def test_what_cannot_be_received_is_refused(
    rig: Rig, path: str, body: dict[str, Any], status: int, where: str
) -> None:
    assert rig.post(path, body, status=status)["error"]["where"] == where


def test_a_modem_without_network_takes_no_message(rig: Rig) -> None:
    rig.post("/device/gsm/fault", {"fault": "no_network"})
    body = {"from": "+4915112345678", "text": "x"}
    assert rig.post("/modem/gsm/receive", body, status=422)["error"]["what"] == "not taken"


def test_the_faults_of_a_modem_are_set_and_shown(rig: Rig) -> None:
    offered = rig.client.get("/faults").json()["device"]["gsm"]
    assert set(MODEM_FAULTS) < set(offered)
    rig.post("/device/gsm/fault", {"fault": "weak_signal"})
    assert rig.state()["bus"]["gsm"]["faults"] == ["weak_signal"]
    rig.post("/device/gsm/fault", {"fault": "weak_signal", "active": False})
    assert rig.state()["bus"]["gsm"]["faults"] == []


def test_lamp_and_buzzer_show_as_their_coils_are(rig: Rig) -> None:
    assert rig.state()["signal"] == {"device": "signal", "lamp": False, "buzzer": False}
    slave = rig.built.slaves["safety"][77]
    slave.unit.write("coil", 3, [1], 0.0)
    assert rig.state()["signal"] == {"device": "signal", "lamp": False, "buzzer": True}


def test_a_station_without_them_shows_none() -> None:
    state = Rig().state()
    assert (state["modem"], state["signal"]) == ({}, None)
