"""Logins in memory: a random cookie each, an end by idling and an absolute one.

A restart ends them all. What is kept is the hash of the cookie, so that a memory dump logs nobody
in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from chargepoint.web.accounts import Account, Role

SESSIONS_MAX = 64
SESSIONS_EACH = 8
ABSOLUTE_S = 12 * 3600.0


@dataclass(slots=True, kw_only=True)
class Session:
    """One login."""

    account: str
    role: Role
    csrf: str
    """Sent back in a header with everything that changes something."""
    key: str
    """Of the account when it logged in: another password ends the session."""
    began_s: float
    seen_s: float

    def may(self, role: Role) -> bool:
        return role is Role.TECHNICIAN or self.role is Role.OWNER

    def has_token(self, token: str) -> bool:
        return hmac.compare_digest(self.csrf.encode(), token.encode("utf-8", "replace"))


class Sessions:
    """All of them. `idle_s`: a session without a request for so long is over."""

    def __init__(self, idle_s: float, now: Callable[[], float]) -> None:
        self.idle_s = idle_s
        self._now = now
        self._sessions: dict[str, Session] = {}

    def begin(self, name: str, account: Account) -> tuple[str, Session]:
        """A new login: its cookie, and the session. The oldest gives way when there are many."""
        self._tidy()
        mine = [digest for digest, one in self._sessions.items() if one.account == name]
        for digest in mine[: max(0, len(mine) - SESSIONS_EACH + 1)]:
            del self._sessions[digest]
        while len(self._sessions) >= SESSIONS_MAX:
            oldest = min(self._sessions, key=lambda each: self._sessions[each].seen_s)
            del self._sessions[oldest]
        cookie, now_s = secrets.token_urlsafe(32), self._now()
        session = Session(
            account=name,
            role=account.role,
            csrf=secrets.token_urlsafe(32),
            key=account.key,
            began_s=now_s,
            seen_s=now_s,
        )
        self._sessions[_digest(cookie)] = session
        return cookie, session

    def of(self, cookie: str, accounts: dict[str, Account], touch: bool = True) -> Session | None:
        """The session of this cookie, if it still holds. `touch`: the person is here."""
        digest = _digest(cookie)
        session = self._sessions.get(digest)
        if session is None:
            return None
        account = accounts.get(session.account)
        if self._over(session) or account is None or account.key != session.key:
            del self._sessions[digest]
            return None
        session.role = account.role
        if touch:
            session.seen_s = self._now()
        return session

    def end(self, cookie: str) -> None:
        """Log out."""
        self._sessions.pop(_digest(cookie), None)

    def __len__(self) -> int:
        self._tidy()
        return len(self._sessions)

    def _over(self, session: Session) -> bool:
        now_s = self._now()
        return now_s - session.seen_s > self.idle_s or now_s - session.began_s > ABSOLUTE_S

    def _tidy(self) -> None:
        for digest in [one for one, session in self._sessions.items() if self._over(session)]:
            del self._sessions[digest]


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
