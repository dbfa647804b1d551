"""Card readers on their lines, byte for byte."""

from __future__ import annotations

import pytest

from hil.wire.line_time import LineTime
from hil.wire.pn532 import Pn532
from hil.wire.talker import Talker
from hil.wire.text_reader import TextReader, em4100_frame
from tests.hil.plants import Outlet

WAKE_UP = bytes.fromhex("5555" + "00" * 14)
ACK = bytes.fromhex("0000FF00FF00")
GET_FIRMWARE = bytes.fromhex("0000FF02FED4022A00")
SAM_CONFIGURATION = bytes.fromhex("0000FF05FBD4140114010200")
SAM_ANSWER = bytes.fromhex("0000FF02FED5151600")
LIST_ONE = bytes.fromhex("0000FF04FCD44A0100E100")
TWO_RETRIES = bytes.fromhex("0000FF06FAD43205FF0102F300")


def collect(outlet: Outlet, talker: Talker, until_s: float) -> list[tuple[float, bytes]]:
    """What comes until then, in virtual time."""
    found = [(outlet.clock.now_s, data) for data in talker.due(outlet.clock.now_s)]
    while (next_s := min(talker.next_s(), until_s)) < until_s:
        outlet.clock.now_s = max(outlet.clock.now_s, next_s)
        found += [(outlet.clock.now_s, data) for data in talker.due(outlet.clock.now_s)]
    outlet.clock.now_s = until_s
    found += [(until_s, data) for data in talker.due(until_s)]
    return found


def present(outlet: Outlet, token: str, hold_s: float = 0.3) -> None:
    outlet.field.present(token, outlet.clock.now_s + hold_s)


# --- Text -----------------------------------------------------------------------------------------


def test_a_text_reader_sends_one_line_for_each_presentation() -> None:
    outlet = Outlet()
    reader = TextReader(outlet.world, outlet.field, LineTime(9600))
    present(outlet, "04A1B2C3")
    found = collect(outlet, reader, 1.0)
    assert [data for _, data in found] == [b"04A1B2C3\r\n"]
    present(outlet, "04A1B2C3")
    assert len(collect(outlet, reader, 2.0)) == 1


def test_the_line_is_there_when_9600_baud_have_carried_it() -> None:
    outlet = Outlet()
    reader = TextReader(outlet.world, outlet.field, LineTime(9600))
    present(outlet, "04A1B2C3")
    reader.due(0.0)
    assert reader.next_s() == pytest.approx(10 * 10 / 9600)


def test_an_rdm6300_repeats_its_frame_while_the_card_lies_there() -> None:
    outlet = Outlet()
    reader = TextReader(outlet.world, outlet.field, LineTime(9600), "em4100")
    present(outlet, "3C00CE754C", hold_s=0.25)
    found = [data for _, data in collect(outlet, reader, 1.0)]
    assert found == [b"\x023C00CE754CCB\x03"] * 4


def test_the_em4100_check_sum_is_that_of_the_known_card() -> None:
    assert em4100_frame("3C00CE754C") == b"\x02" + b"3C00CE754C" + b"CB" + b"\x03"


def test_a_silent_text_reader_sends_nothing() -> None:
    outlet = Outlet()
    reader = TextReader(outlet.world, outlet.field, LineTime(9600))
    reader.trouble.faults.add("silent")
    present(outlet, "04A1B2C3")
    assert collect(outlet, reader, 1.0) == []


def test_a_damaged_em4100_frame_has_a_wrong_check_sum() -> None:
    outlet = Outlet()
    reader = TextReader(outlet.world, outlet.field, LineTime(9600), "em4100")
    reader.trouble.faults.add("crc")
    present(outlet, "3C00CE754C", hold_s=0.05)
    ((_, frame),) = collect(outlet, reader, 1.0)
    assert frame[:11] == b"\x023C00CE754C"
    assert frame[11:13] != b"CB"


# --- PN532 ----------------------------------------------------------------------------------------


class Host:
    """The other end of a PN532's line."""

    def __init__(self) -> None:
        self.outlet = Outlet()
        self.reader = Pn532(self.outlet.world, self.outlet.field, LineTime(115_200))

    def say(self, data: bytes, wait_s: float = 0.5) -> list[bytes]:
        now_s = self.outlet.clock.now_s
        self.reader.hear(data, now_s)
        return [found for _, found in collect(self.outlet, self.reader, now_s + wait_s)]


@pytest.fixture
def host() -> Host:
    awake = Host()
    assert awake.say(WAKE_UP + SAM_CONFIGURATION) == [ACK, SAM_ANSWER]
    return awake


def test_sleeps_until_the_long_preamble() -> None:
    asleep = Host()
    assert asleep.say(SAM_CONFIGURATION) == []
    assert asleep.say(WAKE_UP + SAM_CONFIGURATION) == [ACK, SAM_ANSWER]


def test_tells_its_firmware(host: Host) -> None:
    assert host.say(GET_FIRMWARE) == [ACK, bytes.fromhex("0000FF06FAD50332010607E800")]


def test_lists_a_card_with_a_uid_of_four_bytes(host: Host) -> None:
    present(host.outlet, "04A1B2C3")
    ack, answer = host.say(LIST_ONE)
    assert ack == ACK
    assert answer == bytes.fromhex("0000FF0CF4D54B010100040804" + "04A1B2C3" + "B400")


@pytest.mark.parametrize("uid", ["04A1B2C3D4E5F6", "04112233445566778899"])
def test_lists_longer_uids_with_their_length(host: Host, uid: str) -> None:
    present(host.outlet, uid)
    _, answer = host.say(LIST_ONE)
    assert answer[12] == len(uid) // 2
    assert answer[13 : 13 + len(uid) // 2].hex().upper() == uid
    assert sum(answer[5:-1]) & 0xFF == 0


def test_waits_for_a_card_for_ever_unless_retries_are_bounded(host: Host) -> None:
    assert host.say(LIST_ONE, wait_s=30.0) == [ACK]
    present(host.outlet, "04A1B2C3")
    assert len(host.say(b"", wait_s=0.2)) == 1


def test_bounded_retries_end_with_no_target(host: Host) -> None:
    assert host.say(TWO_RETRIES) == [ACK, bytes.fromhex("0000FF02FED533F800")]
    assert host.say(LIST_ONE) == [ACK, bytes.fromhex("0000FF03FDD54B00E000")]


def test_an_ack_of_the_host_aborts_the_look(host: Host) -> None:
    host.say(LIST_ONE, wait_s=1.0)
    host.say(ACK)
    present(host.outlet, "04A1B2C3")
    assert host.say(b"", wait_s=1.0) == []


def test_a_nack_gets_the_last_frame_again(host: Host) -> None:
    assert host.say(bytes.fromhex("0000FFFF0000")) == [SAM_ANSWER]


def test_a_damaged_frame_gets_no_answer_and_the_next_one_does(host: Host) -> None:
    assert host.say(GET_FIRMWARE[:-2] + b"\x00\x00") == []
    assert len(host.say(GET_FIRMWARE)) == 2


def test_an_unknown_command_is_a_syntax_error(host: Host) -> None:
    assert host.say(bytes.fromhex("0000FF02FED470BC00")) == [
        ACK,
        bytes.fromhex("0000FF01FF7F8100"),
    ]


def test_a_silent_reader_does_not_even_acknowledge(host: Host) -> None:
    host.reader.trouble.faults.add("silent")
    assert host.say(GET_FIRMWARE) == []


def test_a_damaged_answer_has_a_wrong_check_sum(host: Host) -> None:
    host.reader.trouble.faults.add("crc")
    _, answer = host.say(GET_FIRMWARE)
    assert sum(answer[5:-1]) & 0xFF != 0
