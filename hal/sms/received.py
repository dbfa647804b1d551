"""What comes: SMS-DELIVER and SMS-STATUS-REPORT (3GPP TS 23.040, 9.2.2.1 and 9.2.2.3).

Networks and phones send more than the standard needs; whatever cannot be read is a BadPdu, never
another exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

from hal.sms.alphabet import text_of, unpacked
from hal.sms.number import number_of

HEX_MAX = 600
"""A TPDU has at most 164 octets, its service centre 12."""

# fmt: off
TYPE_BITS, DELIVER, REPORT = 0x03, 0x00, 0x02
USER_DATA_HEADER           = 0x40
CONCATENATED_8, CONCATENATED_16 = 0x00, 0x08
# fmt: on

Alphabet = Literal["gsm", "octets", "ucs2"]
ALPHABETS: tuple[Alphabet, ...] = ("gsm", "octets", "ucs2", "gsm")
"""By bits 2 and 3 of a general data coding."""

Outcome = Literal["delivered", "pending", "failed"]

# fmt: off
STATUSES = {
    0x00: "delivered",
    0x01: "forwarded by the service centre, without confirmation",
    0x02: "replaced by the service centre",
    0x20: "congestion",             0x21: "the phone is busy",
    0x22: "the phone does not answer", 0x23: "service rejected",
    0x24: "quality of service not available", 0x25: "error in the phone",
    0x40: "remote procedure error", 0x41: "the phone cannot take it",
    0x42: "connection rejected by the phone", 0x43: "the number cannot be reached",
    0x44: "quality of service not available", 0x45: "no interworking",
    0x46: "its validity has expired", 0x47: "deleted by the sender",
    0x48: "deleted by the service centre", 0x49: "the message does not exist",
}
"""TP-Status, 9.2.3.15."""
# fmt: on


class BadPdu(ValueError):
    """These octets are no message that can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which part of a longer message this is."""

    reference: int
    total: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A message from somebody."""

    number: str
    text: str
    sent_at: datetime | None
    """By the clock of the service centre."""
    part: Part | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """What became of a message of ours."""

    reference: int
    """As `+CMGS` gave it."""
    number: str
    status: int

    @property
    def outcome(self) -> Outcome:
        if self.status <= 0x1F:
            return "delivered"
        return "failed" if self.status & 0x40 else "pending"

    @property
    def reason(self) -> str:
        status = self.status & ~0x40 if 0x60 <= self.status <= 0x7F else self.status
        return STATUSES.get(status, f"status {self.status:#04x}")


def decoded(text: str) -> Delivered | StatusReport:
    """The message that a modem gives as hexadecimal `text`. Raises BadPdu."""
    octets = _Octets(_octets(text))
    octets.take(octets.one())  # the service centre
    first = octets.one()
    match first & TYPE_BITS:
        case 0x00:
            return _deliver(octets, headed=bool(first & USER_DATA_HEADER))
        case 0x02:
            return _report(octets)
    raise BadPdu(f"first octet {first:#04x}: neither DELIVER nor STATUS-REPORT")


def _octets(text: str) -> bytes:
    stripped = text.strip()
    if len(stripped) > HEX_MAX:
        raise BadPdu(f"{len(stripped)} digits, expected at most {HEX_MAX}")
    try:
        return bytes.fromhex(stripped)
    except ValueError as error:
        raise BadPdu("not hexadecimal") from error


class _Octets:
    """Octets that are taken one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise BadPdu(f"ends after {len(self._data)} octets")
        self._at += count
        return taken

    def one(self) -> int:
        return self.take(1)[0]

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def number(self) -> str:
        length, kind = self.one(), self.one()
        return number_of(length, kind, self.take((length + 1) // 2))


def _deliver(octets: _Octets, *, headed: bool) -> Delivered:
    number = octets.number()
    _, coding = octets.one(), octets.one()
    sent_at = _time(octets.take(7))
    length, data = octets.one(), octets.rest()
    alphabet = _alphabet(coding)
    header, part = 0, None
    if headed and data:
        header = data[0] + 1
        part = _part(data[1:header])
    return Delivered(
        number=number, text=_text(alphabet, length, data, header), sent_at=sent_at, part=part
    )


def _report(octets: _Octets) -> StatusReport:
    reference, number = octets.one(), octets.number()
    octets.take(14)  # when the centre took it, and when its outcome was known
    return StatusReport(reference=reference, number=number, status=octets.one())


def _text(alphabet: Alphabet, length: int, data: bytes, header: int) -> str:
    if alphabet == "gsm":
        fill_bits = -header * 8 % 7
        skipped = (header * 8 + fill_bits) // 7
        return text_of(unpacked(data[header:], max(length - skipped, 0), fill_bits))
    body = data[header:length]
    if alphabet == "ucs2":
        return body.decode("utf-16-be", "replace")
    return body.decode("latin-1")


def _alphabet(coding: int) -> Alphabet:
    """23.038, clause 4; a compressed text is shown as octets."""
    group = coding >> 4
    if group < 4:
        if coding & 0x20:
            return "octets"
        return ALPHABETS[coding >> 2 & 0x03]
    if group == 0xE:
        return "ucs2"
    return "octets" if group == 0xF and coding & 0x04 else "gsm"


def _part(header: bytes) -> Part | None:
    """The concatenation element of a user data header; None without one."""
    at = 0
    while at + 2 <= len(header):
        element, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        at += 2 + length
        if (element, len(value)) in ((CONCATENATED_8, 3), (CONCATENATED_16, 4)):
            part = Part(reference=int.from_bytes(value[:-2]), total=value[-2], number=value[-1])
            return part if 1 <= part.number <= part.total else None
    return None


def _time(octets: bytes) -> datetime | None:
    """TP-Service-Centre-Time-Stamp; None for one that is no time."""
    if any(octet & 0x0F > 9 for octet in octets[:6]) or any(octet >> 4 > 9 for octet in octets[:6]):
        return None
    year, month, day, hour, minute, second = ((o & 0x0F) * 10 + (o >> 4) for o in octets[:6])
    quarters = (octets[6] & 0x07) * 10 + (octets[6] >> 4)
    offset = timedelta(minutes=15 * quarters) * (-1 if octets[6] & 0x08 else 1)
    try:
        local = datetime(2000 + year, month, day, hour, minute, second, tzinfo=timezone(offset))
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
