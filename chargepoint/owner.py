"""Files that root makes for the programs: they belong to whom their directory belongs."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def same_owner(handle: int, folder: Path) -> None:
    """Give an open file to whom its folder belongs: root may have been asked to write it.

    Open it with O_NOFOLLOW: the owner of the folder could have put a link in its place. A file that
    has another name too is left as it is for the same reason.
    """
    if os.geteuid() != 0:
        return
    found = os.fstat(handle)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        owner = folder.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)
