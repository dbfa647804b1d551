"""What is sent: a text as one or more SMS-SUBMIT PDUs (3GPP TS 23.040, 9.2.2.2).

GSM alphabet where it says everything, else UCS-2. A text that is too long for one message is cut
into parts with a header each, never inside a pair of septets or of surrogates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hal.sms.alphabet import packed, septets_of
from hal.sms.number import address

PARTS_MAX = 8

# fmt: off
SUBMIT           = 0x01
RELATIVE         = 0x10   # validity period follows, relative
STATUS_REPORT    = 0x20
USER_DATA_HEADER = 0x40
GSM_7            = 0x00   # data coding schemes
UCS_2            = 0x08
# fmt: on
OWN_CENTRE = b"\x00"
"""The service centre that the SIM knows."""

ONE_SEPTETS, PART_SEPTETS = 160, 153
ONE_UNITS, PART_UNITS = 70, 67
HEADER_OCTETS = 6
HEADER_SEPTETS = 7
"""48 bits and one to the next septet."""
HEADER_FILL_BITS = 1

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Pdu:
    """One message for `AT+CMGS`."""

    hex: str
    """With the service centre in front."""
    length: int
    """Octets without it: what the command names."""


def pdus(
    number: str,
    text: str,
    *,
    reference: int = 0,
    validity_s: float | None = None,
    report: bool = False,
) -> tuple[Pdu, ...]:
    """`text` to `number` in as few messages as it takes.

    `reference` (0 to 255) joins the parts; `report` asks for a delivery report on each. Raises
    ValueError for what is no number and for text that takes more than PARTS_MAX messages.
    """
    to = address(number)
    coding, parts = _parts(text, reference)
    if len(parts) > PARTS_MAX:
        raise ValueError(f"found a text of {len(parts)} messages, expected at most {PARTS_MAX}")
    first = SUBMIT | (STATUS_REPORT if report else 0) | (USER_DATA_HEADER if len(parts) > 1 else 0)
    validity = b""
    if validity_s is not None:
        first |= RELATIVE
        validity = bytes((validity_octet(validity_s),))
    head = bytes((first, reference & 0xFF)) + to + bytes((0, coding)) + validity
    return tuple(_pdu(head + part) for part in parts)


def validity_octet(seconds: float) -> int:
    """Relative validity period, the longest that is not above `seconds`; 5 minutes to 63 weeks."""
    if seconds < 12.5 * HOUR_S:
        return min(max(int(seconds // (5 * MINUTE_S)) - 1, 0), 143)
    if seconds < 2 * DAY_S:
        return min(143 + int((seconds - 12 * HOUR_S) // (30 * MINUTE_S)), 167)
    if seconds < 35 * DAY_S:
        return min(166 + int(seconds // DAY_S), 196)
    return min(192 + int(seconds // (7 * DAY_S)), 255)


def _pdu(body: bytes) -> Pdu:
    return Pdu((OWN_CENTRE + body).hex().upper(), len(body))


def _parts(text: str, reference: int) -> tuple[int, list[bytes]]:
    """Data coding scheme, and user data of each part with its length in front."""
    characters = septets_of(text)
    if characters is not None:
        return GSM_7, _gsm_parts(characters, reference)
    return UCS_2, _ucs_parts([one.encode("utf-16-be", "replace") for one in text], reference)


def _gsm_parts(characters: Sequence[tuple[int, ...]], reference: int) -> list[bytes]:
    if sum(map(len, characters)) <= ONE_SEPTETS:
        septets = [septet for one in characters for septet in one]
        return [bytes((len(septets),)) + packed(septets)]
    groups = _groups([bytes(one) for one in characters], PART_SEPTETS)
    return [
        bytes((HEADER_SEPTETS + len(group),)) + header + packed(group, HEADER_FILL_BITS)
        for header, group in zip(_headers(len(groups), reference), groups, strict=True)
    ]


def _ucs_parts(characters: Sequence[bytes], reference: int) -> list[bytes]:
    if sum(map(len, characters)) <= 2 * ONE_UNITS:
        data = b"".join(characters)
        return [bytes((len(data),)) + data]
    groups = _groups(characters, 2 * PART_UNITS)
    return [
        bytes((HEADER_OCTETS + len(group),)) + header + group
        for header, group in zip(_headers(len(groups), reference), groups, strict=True)
    ]


def _groups(characters: Sequence[bytes], size_max: int) -> list[bytes]:
    """Characters joined up to `size_max`, none of them cut."""
    groups = [b""]
    for one in characters:
        if len(groups[-1]) + len(one) > size_max:
            groups.append(b"")
        groups[-1] += one
    return groups


def _headers(total: int, reference: int) -> list[bytes]:
    """User data headers with one element: concatenation with an 8-bit reference."""
    return [bytes((5, 0, 3, reference & 0xFF, total & 0xFF, part)) for part in _numbers(total)]


def _numbers(total: int) -> list[int]:
    return [min(number, 255) for number in range(1, total + 1)]
