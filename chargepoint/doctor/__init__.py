"""The doctor: looks at every part of a station and says what is wrong, why, and what to do next.

    gather(config)      reads: sockets, ports, devices, files, the host; changes nothing
    judge(evidence)     decides: pure, one module of `checks` per part

A running station is asked through its sockets, and its buses only by low-priority reads. One that
does not run yet is looked at directly: its ports are opened exclusively and only read.
"""

from __future__ import annotations

from chargepoint.doctor.evidence import Evidence
from chargepoint.doctor.findings import Finding, Level, judge, parts
from chargepoint.doctor.gathering import gather

__all__ = ["Evidence", "Finding", "Level", "gather", "judge", "parts"]
