"""What a person wrote in a reply: the new text, without what was quoted, and from whom.

Anybody can write to the mailbox. Everything here takes time in proportion to the bounded size of
the message; headers are read by the library's plain rules, as its full ones take minutes for some.
"""

from __future__ import annotations

import email
import email.policy
import html
import re
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr

TEXT_MAX = 1000
BODY_MAX = 16 * 1024
HEADER_MAX = 500
PARTS_MAX = 20

_QUOTED = re.compile(
    r"\s*(>|-{3,}\s*(original message|ursprüngliche nachricht|forwarded)|_{10,}\s*$|--\s*$|"
    r"(from|von|de|sent|gesendet)\s*:)|"
    r"(on|am|le|el|il|op)\b.{5,200}\b(wrote|schrieb|a écrit|escribió|ha scritto|schreef)\b",
    re.IGNORECASE,
)
_YES = re.compile(r"\s*(ok|okay)\b", re.IGNORECASE)
_TAG = re.compile(r"<(?:script|style)\b[^<>]*>[^<]*|<[^<>]*>", re.IGNORECASE)
_QUOTATION = re.compile(r"<blockquote\b", re.IGNORECASE)
_LINE_END = re.compile(r"<br\b|</p>|</div>", re.IGNORECASE)


def reply_of(content: bytes, own: str) -> tuple[str, str] | None:
    """Address and text of a reply; None for an automatic answer or what nobody wrote.

    A bare "OK" means the alert that the subject names: the subject is added to the text then.
    """
    if content.lower().count(b"multipart/") > PARTS_MAX:
        return None  # nested to keep the parser busy
    try:
        mail = email.message_from_bytes(content, policy=email.policy.compat32)
        _, address = parseaddr(_header(mail, "From"))
        if not address or address.casefold() == own.casefold() or _automatic(mail):
            return None
        text = _written(_body(mail))
    except (MessageError, LookupError, ValueError, AttributeError, TypeError, RecursionError):
        return None  # made to break parsers; nobody's reply
    if not text:
        return None
    if _YES.match(text):
        text = f"{text} {' '.join(_header(mail, 'Subject').split())}"
    return address, text[:TEXT_MAX]


def _header(mail: Message, name: str) -> str:
    plain = str(mail.get(name, ""))[:HEADER_MAX]
    try:
        return str(make_header(decode_header(plain)))
    except (MessageError, LookupError, ValueError):
        return plain


def _automatic(mail: Message) -> bool:
    """RFC 3834, and what was customary before it."""
    submitted = _header(mail, "Auto-Submitted").strip().casefold()
    precedence = _header(mail, "Precedence").strip().casefold()
    return (
        submitted not in ("", "no")
        or precedence in ("bulk", "junk", "auto_reply", "list")
        or any(name in mail for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply"))
        or _header(mail, "Return-Path").strip() == "<>"
        or mail.get_content_type() == "multipart/report"
    )


def _body(mail: Message) -> str:
    """The text of the first plain part, else of the first in HTML."""
    parts = [part for _, part in zip(range(PARTS_MAX), mail.walk(), strict=False)]
    for kind in ("text/plain", "text/html"):
        for part in parts:
            if part.get_content_type() == kind:
                text = _text(part)
                return text if kind == "text/plain" else _plain(text)
    return ""


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    raw = content[:BODY_MAX] if isinstance(content, bytes) else b""
    try:
        return raw.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return raw.decode("utf-8", "replace")


def _plain(markup: str) -> str:
    """Text of HTML, up to the first quotation."""
    own = _QUOTATION.split(markup, maxsplit=1)[0]
    return html.unescape(_TAG.sub("", _LINE_END.sub(r"\n\g<0>", own)))


def _written(text: str) -> str:
    """The lines before the first that is quoted or a signature, as one."""
    own: list[str] = []
    for line in text.splitlines():
        if _QUOTED.match(line):
            break
        own.append(line.strip())
    return " ".join(" ".join(own).split())
