"""Files that come to the station and leave it: updates, uploads, and the work that they take.

The words are those of OCPP 2.x; the adapters spell them for their version. A location may hold a
name and a password, so that no `repr` here shows one.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import msgspec


class Subject(Enum):
    """Whose status is told to the CSMS, and by which message."""

    FIRMWARE = "firmware"
    """UpdateFirmware, the unsigned one of 1.6."""
    SIGNED_FIRMWARE = "signed firmware"
    DIAGNOSTICS = "diagnostics"
    """GetDiagnostics of 1.6."""
    LOG = "log"


class FirmwareStatus(Enum):
    """FirmwareStatusEnumType."""

    IDLE = "Idle"
    DOWNLOAD_SCHEDULED = "DownloadScheduled"
    DOWNLOADING = "Downloading"
    DOWNLOADED = "Downloaded"
    DOWNLOAD_FAILED = "DownloadFailed"
    SIGNATURE_VERIFIED = "SignatureVerified"
    INVALID_SIGNATURE = "InvalidSignature"
    INSTALL_SCHEDULED = "InstallScheduled"
    INSTALLING = "Installing"
    INSTALL_REBOOTING = "InstallRebooting"
    INSTALLED = "Installed"
    INSTALLATION_FAILED = "InstallationFailed"


class UploadStatus(Enum):
    """UploadLogStatusEnumType."""

    IDLE = "Idle"
    UPLOADING = "Uploading"
    UPLOADED = "Uploaded"
    UPLOAD_FAILURE = "UploadFailure"
    BAD_MESSAGE = "BadMessage"
    PERMISSION_DENIED = "PermissionDenied"
    NOT_SUPPORTED_OPERATION = "NotSupportedOperation"


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """One status for the CSMS. `triggered`: it asked for it, and may hear it while Pending."""

    subject: Subject
    status: FirmwareStatus | UploadStatus
    request: int | None = None
    """The CSMS's number of its request."""
    triggered: bool = False


class LogKind(Enum):
    """What is uploaded."""

    DIAGNOSTICS = "diagnostics"
    SECURITY = "security"


class FirmwareUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """An update that the CSMS asks for."""

    location: str
    retrieve_at: datetime | None = None
    """Aware UTC; None or in the past: at once."""
    install_at: datetime | None = None
    retries: int | None = None
    retry_interval_s: int | None = None
    request: int | None = None
    certificate: str = ""
    """PEM of the signing certificate; with `signature` present exactly for a signed update."""
    signature: str = ""
    """Base64."""

    @property
    def signed(self) -> bool:
        return self.certificate != ""

    def __repr__(self) -> str:
        return f"FirmwareUpdate(request={self.request}, signed={self.signed})"


class LogUpload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload that the CSMS asks for; `oldest` and `latest` bound what is in it."""

    subject: Subject
    kind: LogKind
    location: str
    oldest: datetime | None = None
    latest: datetime | None = None
    retries: int | None = None
    retry_interval_s: int | None = None
    request: int | None = None

    def __repr__(self) -> str:
        return f"LogUpload(kind={self.kind.value}, request={self.request})"


# --- Work for the shell ---------------------------------------------------------------------------


class CheckSigner(msgspec.Struct, frozen=True, kw_only=True):
    """Is this signing certificate valid, and does it lead to a root of the manufacturer?"""

    certificate: str
    now: datetime | None
    """None: the time is not known, validity is not judged."""


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """Get the firmware file, going on where an earlier attempt has ended."""

    location: str

    def __repr__(self) -> str:
        return "Download(…)"


class Verify(msgspec.Struct, frozen=True, kw_only=True):
    """Does the signature belong to the file that was downloaded?"""

    certificate: str
    signature: str


class Install(msgspec.Struct, frozen=True, kw_only=True):
    """Run the installer on the downloaded file."""


class Confirm(msgspec.Struct, frozen=True, kw_only=True):
    """The software that runs after an installation has reached the CSMS: is it the new one?"""


class Discard(msgspec.Struct, frozen=True, kw_only=True):
    """Remove the firmware file, whole or in part."""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """Make the file of this kind and send it."""

    kind: LogKind
    location: str
    file_name: str
    oldest: datetime | None
    latest: datetime | None

    def __repr__(self) -> str:
        return f"Upload(file_name={self.file_name!r})"


Work = CheckSigner | Download | Verify | Install | Confirm | Discard | Upload


class Problem(Enum):
    """Why a work is not done."""

    NONE = "none"
    BAD_PLACE = "bad place"
    """The location cannot be read."""
    UNSUPPORTED = "unsupported"
    """A protocol that is not spoken here."""
    DENIED = "denied"
    """The server refuses us."""
    FAILED = "failed"


class WorkOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a work; `detail` is for people, without any secret."""

    problem: Problem = Problem.NONE
    detail: str = ""

    @property
    def done(self) -> bool:
        return self.problem is Problem.NONE
