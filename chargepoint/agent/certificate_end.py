"""When a certificate ends, without a library for certificates: that would cost the agent 15 MB.

In the DER encoding of a certificate the first two times are those of its validity (RFC 5280,
4.1.2.5): UTCTime up to 2049, GeneralizedTime from 2050 on.
"""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime
from pathlib import Path

PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
TIMES = re.compile(rb"\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z")
SIZE_MAX_BYTES = 64 * 1024


def ends_at(path: Path) -> datetime | None:
    """Of the first certificate in a PEM file; None where there is none to be read. Blocks."""
    try:
        with path.open("rb") as file:
            found = PEM.search(file.read(SIZE_MAX_BYTES))
        if found is None:
            return None
        times = TIMES.findall(binascii.a2b_base64(found.group(1)))
        short, long = times[1]
        text = (short or long).decode("ascii")
        return datetime.strptime(text, "%y%m%d%H%M%S" if short else "%Y%m%d%H%M%S").replace(
            tzinfo=UTC
        )
    except (OSError, ValueError, IndexError):
        return None
