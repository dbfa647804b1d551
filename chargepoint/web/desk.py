"""What the owner's area works with, made once for the program."""

from __future__ import annotations

from dataclasses import dataclass

from chargepoint.web.accounts import Accounts
from chargepoint.web.context import Context
from chargepoint.web.history import History
from chargepoint.web.observers import Observers
from chargepoint.web.sessions import Sessions
from chargepoint.web.throttle import Throttle
from chargepoint.web.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One for the whole program."""

    context: Context
    accounts: Accounts
    sessions: Sessions
    throttle: Throttle
    observers: Observers
    history: History
    work: Work
    """Threads for what takes long: passwords, the doctor."""
    tls: bool
    area_open: bool = True
    """False beyond loopback without TLS, unless the file says `insecure`."""

    @property
    def cookie(self) -> str:
        """Name of the session's cookie; with TLS one that no other host can have set."""
        return "__Host-session" if self.tls else "session"
