"""The modem for SMS, as the doctor judges it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from chargepoint.config import parse
from chargepoint.doctor import Evidence, judge
from chargepoint.ipc.care import ModemHealth
from tests.doctor.samples import RAW, healthy

READY = ModemHealth(
    ready=True,
    detail="ready",
    operator="Example Mobile",
    signal_dbm=-73,
    registered=True,
    roaming=False,
    sent_today=2,
)
CONFIG = parse(
    {
        **RAW,
        "bus": [*RAW["bus"], {"name": "gsm", "kind": "serial", "port": "/dev/serial/by-id/c"}],
        "alerts": {**RAW["alerts"], "modem": {"bus": "gsm"}},
    },
    "station.toml",
)


def evidence(modem: ModemHealth | None) -> Evidence:
    usual = healthy()
    assert usual.health is not None
    return replace(usual, config=CONFIG, health=replace(usual.health, modem=modem))


@pytest.mark.parametrize(
    ("modem", "level", "found"),
    [
        (READY, "pass", "Example Mobile, -73 dBm"),
        (replace(READY, roaming=True, signal_dbm=None), "pass", "signal not known, roaming"),
        (replace(READY, ready=False, detail="there is no SIM"), "fail", "there is no SIM"),
        (None, "skip", "the agent does not say"),
    ],
)
def test_the_modem_is_judged_by_what_it_says(
    modem: ModemHealth | None, level: str, found: str
) -> None:
    (finding,) = (one for one in judge(evidence(modem)) if one.check == "modem")
    assert (finding.level, finding.subject) == (level, "gsm")
    assert found in finding.found


def test_without_a_modem_there_is_nothing_to_judge() -> None:
    assert not [one for one in judge(healthy()) if one.check == "modem"]
