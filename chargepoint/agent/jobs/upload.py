"""Uploads: a file of ours to where the CSMS wants it."""

from __future__ import annotations

from pathlib import Path

from chargepoint.agent.jobs import ftp_files, http_files
from chargepoint.agent.jobs.download import guarded
from chargepoint.agent.jobs.places import place
from chargepoint.agent.jobs.transfer import Transfer


def upload(location: str, source: Path, name: str, transfer: Transfer) -> None:
    """Send `source` as `name` to `location`. Raises TransferError or Cancelled."""
    target = place(location)
    with guarded(target):
        if target.scheme in ("http", "https"):
            http_files.store(target, source, name, transfer)
        else:
            ftp_files.store(target, source, name, transfer)
