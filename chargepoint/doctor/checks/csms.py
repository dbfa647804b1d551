"""The central system: how far the way is open, and what it says of us."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence, Way
from chargepoint.ipc.service import CsmsStatus, StationStatus

WAITING_MANY = 50
WAITING_LONG_S = 600.0

PROBLEMS = (
    # in the text of the last error   what it means
    ("HTTP 401", "doctor.csms_password"),
    ("HTTP 403", "doctor.csms_password"),
    ("HTTP 404", "doctor.csms_unknown"),
    ("HTTP 412", "doctor.csms_unknown"),
    ("accepted none of", "doctor.csms_version"),
    ("certificate refused", "doctor.csms_tls"),
    ("no address is known", "doctor.csms_name"),
    ("refuses connections", "doctor.csms_unreachable"),
    ("out of reach", "doctor.csms_unreachable"),
)


def check(evidence: Evidence) -> Iterator[Mark]:
    if evidence.config.csms is None:
        yield unknown("link", why="none is configured: the station works alone")
        return
    status = evidence.status
    if status is not None and status.csms.state == "accepted":
        csms = status.csms
        yield good("link", found=f"accepted, OCPP {csms.version}, {csms.url}")
    elif status is not None and status.csms.state == "off":
        yield warn("link", "doctor.csms_off", found="disconnected by hand")
    else:
        yield from _link(evidence.ways, None if status is None else status.csms)
    if status is not None:
        yield from _records(status)


def _link(ways: tuple[Way, ...], csms: CsmsStatus | None) -> Iterator[Mark]:
    if csms is not None and csms.state in ("pending", "rejected"):
        problem = f"doctor.csms_{csms.state}"
        level = fail if csms.state == "rejected" else warn
        yield level("link", problem, found=csms.url)
        return
    blocked = [mark for mark in map(_way, ways) if mark.level == "fail"]
    if blocked and len(blocked) == len(ways):
        yield from blocked
        return
    if csms is None:
        yield from map(_way, ways)
    elif csms.state == "connected":
        yield warn("link", "doctor.csms_pending", found="connected, not accepted yet")
    elif csms.last_error:
        found = csms.last_error + (f"; {csms.check}" if csms.check else "")
        yield fail("link", _problem(csms.last_error), found=found)
    else:
        yield warn("link", "doctor.csms_connecting", found=csms.url)


def _way(way: Way) -> Mark:
    place = f"{way.host}:{way.port}"
    if way.dns_problem:
        return fail("link", "doctor.csms_name", found=f"{way.host}: {way.dns_problem}")
    if way.tcp_problem:
        return fail("link", "doctor.csms_unreachable", found=f"{place}: {way.tcp_problem}")
    if way.tls_problem:
        return fail("link", "doctor.csms_tls", found=f"{place}: {way.tls_problem}")
    secured = "TLS verified" if way.tls else "no TLS"
    return good("link", found=f"{place} reached in {way.took_s * 1000:.0f} ms, {secured}")


def _problem(error: str) -> str:
    for text, problem in PROBLEMS:
        if text in error:
            return problem
    return "doctor.csms_error"


def _records(status: StationStatus) -> Iterator[Mark]:
    ledger = status.ledger
    text = f"{ledger.waiting} waiting, {ledger.quarantined} refused"
    if ledger.quarantined:
        yield warn("records", "doctor.records_refused", found=text)
    elif status.csms.state == "accepted" and (
        ledger.waiting > WAITING_MANY or (ledger.oldest_waiting_s or 0.0) > WAITING_LONG_S
    ):
        yield warn("records", "doctor.records_waiting", found=text)
    else:
        yield good("records", found=text)
