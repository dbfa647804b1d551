"""`[alerts]` as the engine wants it."""

from __future__ import annotations

import pytest

from chargepoint.agent.alerting.settings import answered
from chargepoint.config import parse
from chargepoint.station.alerts.values import Channel
from hil.stage import changed, example

MAIL = {"server": "127.0.0.1", "sender": "charger@example.com"}


@pytest.mark.parametrize(
    ("more", "channels"),
    [
        ({}, {Channel.SMS}),
        (
            {"reply_server": "127.0.0.1", "reply_user": "x", "reply_password": "y"},
            {Channel.SMS, Channel.EMAIL},
        ),
    ],
)
def test_answers_by_e_mail_are_read_where_there_is_a_mailbox(
    more: dict[str, str], channels: set[Channel]
) -> None:
    config = parse(changed(example(), {"alerts.email": {**MAIL, **more}}), "")
    assert answered(config) == channels
