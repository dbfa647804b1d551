"""Frames: text in, one parsed frame out; and back."""

from __future__ import annotations

import json

import pytest

from chargepoint.ocpp import frames
from chargepoint.ocpp.frames import (
    Broken,
    CallFrame,
    ErrorFrame,
    Fault,
    MessageId,
    ResultFrame,
    UnknownFrame,
    parse,
)

# fmt: off
CALLS = [
    # text                                   id        payload
    ('[2,"a1","Reset",{"type":"Hard"}]',     '"a1"',   {"type": "Hard"}),
    ('[2,"a1","Reset",null]',                '"a1"',   {}),
    ('[2,"a1","Reset",[]]',                  '"a1"',   {}),
    ('[2,17,"Reset",{}]',                    "17",     {}),
    ('[2,1.50,"Reset",{}]',                  "1.50",   {}),
    ('[2,"","Reset",{}]',                    '""',     {}),
    (' [ 2 , "a b" , "Reset" , {} , 5 ] ',   '"a b"',  {}),
    ('[2,"\\u00e9","Reset",{}]',             '"\\u00e9"', {}),
]
BROKEN = [
    # text                             id that can be refused   fault
    ("",                               None,   Fault.MALFORMED),
    ("hello",                          None,   Fault.MALFORMED),
    ('{"a":1}',                        None,   Fault.MALFORMED),
    ("[]",                             None,   Fault.MALFORMED),
    ("[2]",                            None,   Fault.MALFORMED),
    ('[2,null,"Reset",{}]',            None,   Fault.MALFORMED),
    ('[2,{"a":1},"Reset",{}]',         None,   Fault.MALFORMED),
    ('[2,"a","Reset",{"type":tru}]',   None,   Fault.MALFORMED),
    ('[2,"a"]',                        '"a"',  Fault.MALFORMED),
    ('[2,"a","Reset"]',                '"a"',  Fault.MALFORMED),
    ('[2,"a",{},{}]',                  '"a"',  Fault.MALFORMED),
    ('[2,"a","Reset","text"]',         '"a"',  Fault.WRONG_TYPE),
    ('[2,"a","Reset",[1]]',            '"a"',  Fault.WRONG_TYPE),
]
# fmt: on


@pytest.mark.parametrize(("text", "message_id", "payload"), CALLS)
def test_a_call_keeps_its_id_as_it_was_written(
    text: str, message_id: str, payload: dict[str, object]
) -> None:
    """R1, R2: ids of any type and spelling; a missing payload counts as empty."""
    frame = parse(text)
    assert frame == CallFrame(message_id=MessageId(message_id), action="Reset", payload=payload)


def test_an_id_is_echoed_byte_for_byte() -> None:
    """R2."""
    frame = parse('[2,1.50,"Reset",{}]')
    assert isinstance(frame, CallFrame)
    assert frames.result(frame.message_id, {}) == "[3,1.50,{}]"
    assert frames.error(frame.message_id, "X", "y") == '[4,1.50,"X","y",{}]'


@pytest.mark.parametrize(("text", "message_id", "fault"), BROKEN)
def test_what_is_no_frame_is_broken_and_says_whether_it_can_be_refused(
    text: str, message_id: str | None, fault: Fault
) -> None:
    """R6, R8."""
    frame = parse(text)
    assert isinstance(frame, Broken)
    assert frame.message_id == message_id
    assert frame.fault is fault


@pytest.mark.parametrize("number", ["0", "1", "5", "6", "99", '"2"', "null", "{}"])
def test_an_unknown_message_type_is_to_be_ignored(number: str) -> None:
    """R5."""
    assert parse(f'[{number},"a","Reset",{{}}]') == UnknownFrame()


def test_a_result_without_an_object_is_an_empty_result() -> None:
    """CQ9: a bad answer to a transaction message counts as delivered."""
    for text in ('[3,"a"]', '[3,"a",null]', '[3,"a",7]', '[3,"a",[1]]'):
        assert parse(text) == ResultFrame(message_id=MessageId('"a"'), payload={})


def test_an_error_may_lack_everything_but_its_id() -> None:
    """R9."""
    empty = ErrorFrame(message_id=MessageId('"a"'), code="", description="")
    assert parse('[4,"a"]') == empty
    assert parse('[4,"a",null,7]') == empty
    full = ErrorFrame(message_id=MessageId('"a"'), code="VendorWord", description="why")
    assert parse('[4,"a","VendorWord","why",{}]') == full


def test_an_error_frame_with_unescaped_quotes_still_fails_its_call() -> None:
    """central systems, 6: a server library does not escape the description of its CALLERROR."""
    frame = parse('[4,"own-7","InternalError","no "charge" box",{}]')
    assert isinstance(frame, Broken)
    assert frame.fails == '"own-7"'
    assert frame.message_id is None


def test_nesting_is_bounded_at_every_depth() -> None:
    """A frame may not cost us the stack, whether the decoder takes it or not."""
    for depth in (30, 500, 5_000, 200_000):
        nested = "[" * depth + "]" * depth
        frame = parse(f'[2,"a","Reset",{{"x":{nested}}}]')
        assert isinstance(frame, Broken)
    brackets = json.dumps("[[[[{{{{" * 20)
    assert isinstance(parse(f'[2,"a","Reset",{{"x":{brackets}}}]'), CallFrame)


def test_a_frame_of_one_mebibyte_is_read_and_a_larger_one_is_not() -> None:
    """R12."""
    text = '[2,"a","DataTransfer",{"vendorId":"v","data":"%s"}]'
    fitting = text % ("x" * (frames.SIZE_MAX - len(text) + 2))
    assert len(fitting) == 1_048_576
    assert isinstance(parse(fitting), CallFrame)
    assert isinstance(parse(fitting + " "), Broken)


def test_our_frames_are_compact_and_begin_with_the_bracket() -> None:
    """Central systems, 6: a server finds messages with a regular expression, no white space."""
    message_id = frames.own_id("own-1")
    assert frames.call(message_id, "Heartbeat", {}) == '[2,"own-1","Heartbeat",{}]'
    assert frames.result(message_id, {"a": "ü"}) == '[3,"own-1",{"a":"ü"}]'


@pytest.mark.parametrize("fault", list(Fault))
def test_each_fault_has_a_code_in_both_families(fault: Fault) -> None:
    """R8: 1.6 and 2.x spell two of them differently."""
    assert fault in frames.CODES_V16
    assert fault in frames.CODES_V2
    assert frames.CODES_V16[Fault.MISSING] == "OccurenceConstraintViolation"
    assert frames.CODES_V2[Fault.MISSING] == "OccurrenceConstraintViolation"
