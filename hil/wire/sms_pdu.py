"""Short messages from the network's side: SMS-SUBMIT is read, SMS-DELIVER and reports are made.

Written apart from `hal.sms`, from the same standard (3GPP TS 23.040, 23.038) and in another way,
so that the two check each other: septets are digits of one large number here.
"""

from __future__ import annotations

from dataclasses import dataclass

# fmt: off
LETTERS = dict(enumerate(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
))
AFTER_ESCAPE = {10: "\f", 20: "^", 40: "{", 41: "}", 47: "\\", 60: "[", 61: "~", 62: "]",
                64: "|", 101: "€"}
# fmt: on
ESCAPE = 27
del LETTERS[ESCAPE]


class Unreadable(ValueError):
    """No SMS-SUBMIT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What an SMS-SUBMIT says."""

    to: str
    text: str
    coding: int
    validity_s: float | None
    report: bool
    group: tuple[int, int, int] | None
    """Reference, number of parts, number of this part."""
    tpdu_octets: int


def read_submit(text: str) -> Submitted:
    """The message in the hexadecimal `text`. Raises Unreadable."""
    try:
        octets = list(bytes.fromhex(text))
    except ValueError as error:
        raise Unreadable(str(error)) from error
    try:
        return _submit(octets)
    except IndexError as error:
        raise Unreadable("too short") from error


def _submit(octets: list[int]) -> Submitted:
    body = octets[1 + octets[0] :]
    first, digits = body[0], body[2]
    if first % 4 != 1:
        raise Unreadable(f"first octet {first:#04x}")
    end = 4 + (digits + 1) // 2
    swapped = "".join(f"{octet:02X}"[::-1] for octet in body[4:end])
    if len(swapped) > digits and swapped[-1] != "F":
        raise Unreadable("number is not filled with F")
    if not swapped[:digits].isdecimal():
        raise Unreadable("number has other than digits")
    to = ("+" if body[3] == 0x91 else "") + swapped[:digits]
    protocol, coding = body[end], body[end + 1]
    if protocol != 0:
        raise Unreadable(f"protocol {protocol:#04x}")
    form = first // 8 % 4
    validity_s = _validity_s(body[end + 2]) if form == 2 else None
    at = end + 2 + (0, 7, 1, 7)[form]
    length, data = body[at], body[at + 1 :]
    group = None
    header = 0
    if first & 0x40:
        header = data[0] + 1
        group = _group(data[1:header])
    return Submitted(
        to=to,
        text=_text(coding, length, data, header),
        coding=coding,
        validity_s=validity_s,
        report=bool(first & 0x20),
        group=group,
        tpdu_octets=len(body),
    )


def _validity_s(value: int) -> float:
    if value < 144:
        return 300.0 * (value + 1)
    if value < 168:
        return 43_200.0 + 1800.0 * (value - 143)
    if value < 197:
        return 86_400.0 * (value - 166)
    return 604_800.0 * (value - 192)


def _group(header: list[int]) -> tuple[int, int, int]:
    if header[:2] == [0, 3]:
        return header[2], header[3], header[4]
    raise Unreadable(f"header {header}")


def _text(coding: int, length: int, data: list[int], header: int) -> str:
    if coding == 8:
        if length != len(data):
            raise Unreadable(f"length says {length}, there are {len(data)} octets")
        return bytes(data[header:]).decode("utf-16-be")
    if coding != 0:
        raise Unreadable(f"coding {coding:#04x}")
    if len(data) != (length * 7 + 7) // 8:
        raise Unreadable(f"length says {length} septets, there are {len(data)} octets")
    number = int.from_bytes(bytes(data), "little")
    digits = [number >> 7 * index & 127 for index in range(length)]
    first = (8 * header + 6) // 7
    return letters(digits[first:])


def letters(digits: list[int]) -> str:
    """The text of GSM septets."""
    text, rest = "", iter(digits)
    for digit in rest:
        text += AFTER_ESCAPE[next(rest)] if digit == ESCAPE else LETTERS[digit]
    return text


# --- What the network sends -----------------------------------------------------------------------


def deliver(sender: str, text: str, group: tuple[int, int, int] | None = None) -> str:
    """An SMS-DELIVER as a modem shows it; UCS-2 unless `text` is all in the basic GSM letters."""
    back = {letter: digit for digit, letter in LETTERS.items()}
    first = 0x04 | (0x40 if group else 0)
    head = f"00{first:02X}{_address(sender)}00"
    header = bytes((5, 0, 3, *group)) if group else b""
    if group is None and all(one in back for one in text):
        number = sum(back[one] << 7 * index for index, one in enumerate(text))
        octets = number.to_bytes((7 * len(text) + 7) // 8, "little")
        return f"{head}00{_stamp()}{len(text):02X}{octets.hex().upper()}"
    octets = header + text.encode("utf-16-be")
    return f"{head}08{_stamp()}{len(octets):02X}{octets.hex().upper()}"


def report(reference: int, to: str, status: int) -> str:
    """An SMS-STATUS-REPORT on message `reference`."""
    return f"0006{reference:02X}{_address(to)}{_stamp()}{_stamp()}{status:02X}"


def tpdu_length(pdu: str) -> int:
    """Octets behind the service centre, as modems name them."""
    return len(pdu) // 2 - 1 - int(pdu[:2], 16)


def _address(number: str) -> str:
    digits = number.lstrip("+")
    filled = digits + "F" * (len(digits) % 2)
    pairs = (filled[at + 1] + filled[at] for at in range(0, len(filled), 2))
    return f"{len(digits):02X}{'91' if number.startswith('+') else '81'}" + "".join(pairs)


def _stamp() -> str:
    return "".join(f"{value % 10}{value // 10}" for value in (26, 1, 1, 12, 0, 0)) + "00"
