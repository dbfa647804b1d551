"""A station alone: a card is learnt, survives the death of the agent, charges, and has a name."""

from __future__ import annotations

import io
import signal
import threading
import time
import zipfile
from pathlib import Path

import pytest

from chargepoint.cli.bundle import REQUESTS
from chargepoint.ipc.cards import CardStatus, LearnCard
from chargepoint.ipc.client import ServiceClient, Unreachable
from chargepoint.ipc.service import (
    ArchivePart,
    GetStatus,
    GetTransactions,
    LedgerTransaction,
    MakeDiagnostics,
    Request,
    StationStatus,
)
from hil.stage import Stage

pytestmark = pytest.mark.system

WAIT_S = 60.0
NAME, CARD, OTHER = "Änne Öztürk", "04A1B2C3D4", "04FFEEDDCC"


def ask(stage: Stage, request: Request) -> list[object]:
    with ServiceClient(stage.config.agent_socket(), timeout_s=20.0) as client:
        return list(client.ask(request))


def running(stage: Stage) -> StationStatus | None:
    try:
        (status,) = ask(stage, GetStatus())
    except Unreachable:
        return None
    assert isinstance(status, StationStatus)
    return status if status.evses[0].control is not None else None


def transaction(stage: Stage) -> bool:
    status = running(stage)
    return status is not None and status.evses[0].transaction is not None


def refused(stage: Stage) -> bool:
    """Whether another card is; it is shown again and again."""
    stage.card(OTHER)
    time.sleep(0.3)
    return any(
        "token.refused" in line and "…DDCC" in line for line in stage.log("agent").splitlines()
    )


def learn(stage: Stage) -> CardStatus:
    """Learn the card, which is presented until somebody has taken it. Nothing is plugged in."""
    found: list[object] = []
    learning = threading.Thread(
        target=lambda: found.extend(ask(stage, LearnCard(name=NAME, within_s=15.0)))
    )
    learning.start()
    while learning.is_alive():
        stage.card(CARD)
        learning.join(0.5)
    (card,) = found
    assert isinstance(card, CardStatus)
    return card


def test_a_learnt_card_charges_where_there_is_no_csms_and_its_name_stays_here(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path) as stage:
        stage.start_simulator()
        stage.start("control")
        stage.start("agent")
        stage.wait_until(lambda: running(stage) is not None, WAIT_S, "the station", "agent")
        assert learn(stage).token == "…C3D4"
        stage.end("agent", signal.SIGKILL)
        stage.plug_in()
        stage.start("agent")
        stage.wait_until(lambda: running(stage) is not None, WAIT_S, "the station", "agent")
        stage.wait_until(lambda: refused(stage), WAIT_S, "another card to be refused", "agent")
        stage.card(CARD)
        stage.wait_until(lambda: transaction(stage), WAIT_S, "a transaction", "agent")
        (one, _) = ask(stage, GetTransactions())
        assert isinstance(one, LedgerTransaction)
        assert (one.card, one.id_token) == (NAME, "…C3D4")

        parts = [one for one in ask(stage, MakeDiagnostics()) if isinstance(one, ArchivePart)]
        with zipfile.ZipFile(io.BytesIO(b"".join(part.data for part in parts))) as archive:
            texts = {name: archive.read(name).decode() for name in archive.namelist()}
        texts |= {name: repr(ask(stage, request)) for name, request in REQUESTS}
        assert "LearnCard" in texts["audit.jsonl"]
        told = [name for name, text in texts.items() if "Öztürk" in text or CARD in text]
        assert told == []
