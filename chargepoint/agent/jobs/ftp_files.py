"""Files over FTP and FTPS (explicit TLS, AUTH TLS), in passive mode.

The address in the answer to PASV is not followed: data connections go to the server itself. With
TLS both connections are encrypted, and the data connection resumes the session of the first, which
common servers insist on.
"""

from __future__ import annotations

import ftplib
import socket
import ssl
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from chargepoint.agent.jobs.places import Place, TransferError
from chargepoint.agent.jobs.transfer import CHUNK_BYTES, Transfer
from chargepoint.station.file_values import Problem

DENIED = ("530", "532", "331", "550 permission", "553")


class _Secure(ftplib.FTP_TLS):
    """Data connections within the session of the control connection."""

    def ntransfercmd(
        self, cmd: str, rest: int | str | None = None
    ) -> tuple[socket.socket, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        assert isinstance(self.sock, ssl.SSLSocket)
        wrapped = self.context.wrap_socket(
            connection, server_hostname=self.host, session=self.sock.session
        )
        return wrapped, size


def fetch(source: Place, target: BinaryIO, have: int, transfer: Transfer) -> None:
    """Write the file to `target`, which holds `have` bytes of it already.

    Raises TransferError, OSError, ftplib.Error.
    """
    with closing(_connected(source, transfer)) as ftp:
        name = _entered(ftp, source)
        size = _size(ftp, name)
        if size is not None:
            transfer.fits(size)
        start = have if size is not None and 0 < have <= size else 0
        target.seek(start)
        target.truncate()
        transfer.moved(start)

        def take(chunk: bytes) -> None:
            target.write(chunk)
            transfer.moved(len(chunk))

        ftp.retrbinary(f"RETR {name}", take, CHUNK_BYTES, start or None)
        if size is not None and target.tell() != size:
            raise TransferError(Problem.FAILED, f"{size - target.tell()} bytes are missing")


def store(target: Place, source: Path, name: str, transfer: Transfer) -> None:
    """Put the file below `target`. Raises TransferError, OSError, ftplib.Error."""
    with closing(_connected(target, transfer)) as ftp, source.open("rb") as file:
        stored = _entered(ftp, target.below(name))
        ftp.storbinary(
            f"STOR {stored}", file, CHUNK_BYTES, callback=lambda chunk: transfer.moved(len(chunk))
        )


def _connected(at: Place, transfer: Transfer) -> ftplib.FTP:
    secure = at.scheme == "ftps"
    ftp: ftplib.FTP = _Secure(context=transfer.tls()) if secure else ftplib.FTP()
    ftp.connect(at.host, at.port, timeout=transfer.stall_s)
    try:
        ftp.login(at.user or "anonymous", at.password or ("" if at.user else "chargepoint@"))
        if isinstance(ftp, ftplib.FTP_TLS):
            ftp.prot_p()
        ftp.voidcmd("TYPE I")
    except ftplib.error_perm as error:
        ftp.close()
        raise TransferError(Problem.DENIED, f"the server refuses us ({str(error)[:3]})") from error
    except BaseException:
        ftp.close()
        raise
    return ftp


def _entered(ftp: ftplib.FTP, at: Place) -> str:
    """Go to the directory of `at`; the name of the file there."""
    *directories, name = at.segments or [""]
    if not name:
        raise TransferError(Problem.BAD_PLACE, "the location names no file")
    for directory in directories:
        ftp.cwd(directory)
    return name


def _size(ftp: ftplib.FTP, name: str) -> int | None:
    """Some servers do not tell; then only the end of the data connection says that it is whole."""
    try:
        return ftp.size(name)
    except ftplib.error_perm:
        return None


def denied(error: ftplib.Error) -> bool:
    """Whether the server knows us but does not let us."""
    return str(error).casefold().startswith(DENIED)
