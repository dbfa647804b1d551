"""What the audit log keeps of an action."""

from __future__ import annotations

import pytest

from chargepoint.agent.audit import line_of
from chargepoint.agent.requests.caller import Caller
from chargepoint.ipc.care import ReportProblem, Subscribe
from chargepoint.ipc.service import Action, Done

PAGES = Caller(user="chargepoint", uid=990)


@pytest.mark.parametrize(
    ("action", "detail"),
    [
        (
            ReportProblem(text="The cable is torn", evse=1, answer_to="0151 2345678", by="page"),
            "evse=1",
        ),
        (
            Subscribe(evse=2, wanted="done", channel="email", address="eva@example.org"),
            "evse=2 wanted=done channel=email",
        ),
    ],
)
def test_neither_words_nor_address_of_a_driver_are_kept(action: Action, detail: str) -> None:
    """The page promises to forget the address with the message."""
    assert line_of(action, PAGES, Done(ok=True, detail="done")).detail == detail
