"""What an error number of a modem means."""

from __future__ import annotations

import pytest

from hal.drivers.gsm_dialogue import Answer, Ask, Dialogue
from hal.sms.failures import Advice, equipment_failure, message_failure
from hal.sms.number import masked


@pytest.mark.parametrize("code", [38, 41, 42, 47, 0xC0, 0xC2, 314, 331, 332, 322])
def test_what_may_pass_is_tried_again(code: int) -> None:
    assert message_failure(code).advice.again


@pytest.mark.parametrize("code", [1, 8, 30, 50, 95, 111, 0xC1, 0xC3, 0xCF, 304, 305, 310, 316, 330])
def test_what_will_not_pass_is_given_up(code: int) -> None:
    assert not message_failure(code).advice.again


def test_each_number_has_words() -> None:
    wordless = [
        code
        for code in range(700)
        for failure in (message_failure(code), equipment_failure(code))
        if len(failure.reason) < 9 or failure.reason.endswith(".")
    ]
    assert wordless == []


@pytest.mark.parametrize(
    ("line", "reason", "advice"),
    [
        ("ERROR", "the modem refuses the command", Advice.ONCE),
        ("+CMS ERROR: 38", "the network is out of order", Advice.LATER),
        ("+CME ERROR: 16", "the PIN is wrong", Advice.GIVE_UP),
        ("+CMS ERROR:500", "unknown error of the modem", Advice.MODEM),
        ("+CME ERROR: SIM busy", "sim busy", Advice.MODEM),
        ("COMMAND NOT SUPPORT", "the modem refuses the command", Advice.ONCE),
    ],
)
def test_a_final_result_in_any_form_ends_the_command(
    line: str, reason: str, advice: Advice
) -> None:
    dialogue = Dialogue()
    dialogue.begin(Ask(text="AT+CMGS=30"), 0.0)
    answer = dialogue.take(line, 0.1)
    assert isinstance(answer, Answer)
    assert answer.failure is not None
    assert (answer.failure.reason, answer.failure.advice) == (reason, advice)


def test_a_command_without_its_final_result_ends_when_its_line_has_come() -> None:
    """Wavecom modems answer +CPIN without OK."""
    dialogue = Dialogue()
    dialogue.begin(Ask(text="AT+CPIN?", answer="+CPIN:"), 0.0)
    dialogue.take("+CPIN: READY", 0.1)
    assert dialogue.overdue(0.5) is None
    answer = dialogue.overdue(1.2)
    assert answer is not None
    assert (answer.good, answer.value) == (True, "READY")


def test_a_secret_command_is_named_without_its_secret() -> None:
    assert Ask(text='AT+CPIN="1234"', secret=True).name == "AT+CPIN"


@pytest.mark.parametrize(("number", "shown"), [("+4915112345678", "+49…678"), ("110", "…10")])
def test_a_number_is_shown_masked(number: str, shown: str) -> None:
    assert masked(number) == shown
