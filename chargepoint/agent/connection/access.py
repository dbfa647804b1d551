"""What an attempt shows of us and whom it trusts, decided by somebody else than the link."""

from __future__ import annotations

import ssl
from typing import Protocol

from chargepoint.agent.endpoint import Endpoint


class Access(Protocol):
    """What an attempt shows of us and trusts, and what came of it; `agent.security` has one."""

    @property
    def attempts(self) -> int:
        """How many attempts in a row each address is worth now."""
        ...

    def applied(self, endpoint: Endpoint) -> Endpoint:
        """`endpoint` with the keys, the certificates and the scheme that count now."""
        ...

    def opened(self, endpoint: Endpoint, tls: ssl.SSLObject | None) -> None: ...

    def failed(self, endpoint: Endpoint, error: Exception) -> str:
        """Words for people; empty: the error's own will do."""
        ...


class AsConfigured:
    """The access of a link that nobody changes at run time."""

    attempts = 1

    def applied(self, endpoint: Endpoint) -> Endpoint:
        return endpoint

    def opened(self, endpoint: Endpoint, tls: ssl.SSLObject | None) -> None:
        """Nothing depends on it."""

    def failed(self, endpoint: Endpoint, error: Exception) -> str:
        return ""
