"""The pages on the device: who can reach them, and how well they are guarded."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.config.web_listen import area_open
from chargepoint.doctor.checks.mark import Mark, good, unknown, warn
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
    elif not area_open(web):
        yield good("exposure", found=f"{where}: nobody can log in, drivers see their page")
    elif web.tls == "off":
        yield warn("exposure", "doctor.web_insecure", found=where)
    else:
        yield good("exposure", found=where)
    if web.metrics == "open" and not web.listen.startswith(LOOPBACK):
        yield warn("metrics", "doctor.metrics_open", found=where)
