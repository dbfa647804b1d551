"""The TLS context of a channel, made once and off the loop: the system's roots, or a file."""

from __future__ import annotations

import asyncio
import ssl

from chargepoint.agent.notify.way import Undelivered


class Roots:
    """`ca_file`: PEM roots that count instead of the system's; empty: the system's."""

    def __init__(self, ca_file: str = "") -> None:
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None

    async def context(self) -> ssl.SSLContext:
        """Raises Undelivered for a file that cannot be used."""
        if self._context is None:
            try:
                self._context = await asyncio.to_thread(self.load)
            except OSError as error:  # ssl.SSLError is one
                what = f"{self._ca_file or 'the system roots'} cannot be used: {error}"
                raise Undelivered(what, retry=True) from error
        return self._context

    def load(self) -> ssl.SSLContext:
        """The context, read from the disk. Raises OSError."""
        context = ssl.create_default_context(cafile=self._ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def tls_words(error: ssl.SSLError) -> str:
    """What is wrong with the other side's TLS, in one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message or error.reason}"
    return f"TLS fails: {error.reason or error}"
