"""The pages on the device: who can reach them, and how well they are guarded."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.mark import Mark, fail, good, unknown, warn
from chargepoint.doctor.evidence import Evidence

LOOPBACK = ("127.", "localhost", "[::1]", "::1")


def check(evidence: Evidence) -> Iterator[Mark]:
    web = evidence.config.web
    if web is None:
        yield unknown("exposure", why="no pages are served")
        return
    where = f"{web.listen}, TLS {web.tls}"
    if web.listen.startswith(LOOPBACK):
        yield good("exposure", found=f"{where}: this host only")
    elif web.tls == "off":
        problem = "doctor.web_insecure"
        yield (warn if web.insecure else fail)("exposure", problem, found=where)
    else:
        yield good("exposure", found=where)
    if web.metrics == "open" and not web.listen.startswith(LOOPBACK):
        yield warn("metrics", "doctor.metrics_open", found=where)
