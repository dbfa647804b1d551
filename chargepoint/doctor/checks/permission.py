"""Who can read and write our files: secrets are nobody else's, our own must be writable."""

from __future__ import annotations

from collections.abc import Iterator

from chargepoint.doctor.checks.mark import Mark, fail, good, warn
from chargepoint.doctor.evidence import Evidence, FileFacts


def check(evidence: Evidence) -> Iterator[Mark]:
    for file in evidence.files:
        yield _file(file)


def _file(file: FileFacts) -> Mark:
    text = f"{file.mode:04o} {file.owner}"
    if not file.exists:
        if file.use in ("state", "run"):
            return warn("mode", "doctor.directory_missing", file.path)
        return fail("mode", "doctor.file_missing", file.path)
    if file.secret and file.mode & 0o007:
        return fail("mode", "doctor.secret_readable", file.path, text)
    if file.use == "key" and file.mode & 0o070:
        return fail("mode", "doctor.secret_readable", file.path, text)
    if file.use in ("state", "configuration") and file.mode & 0o002:
        return fail("mode", "doctor.world_writable", file.path, text)
    if file.use in ("state", "run") and not file.writable:
        return warn("mode", "doctor.directory_not_writable", file.path, text)
    return good("mode", file.path, text)
