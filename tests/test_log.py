"""Log lines on their way out."""

from __future__ import annotations

import io
import logging

import structlog

from chargepoint import log


class Pieces(io.StringIO):
    """Keeps what was written at once apart."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return super().write(text)


def test_each_line_is_written_with_its_end_at_once() -> None:
    """Programs that share one output would otherwise write into each other's lines."""
    stream = Pieces()
    output = log.QueuedOutput(stream)
    handlers = logging.root.handlers[:]
    try:
        log.set_up(form="text", output=output)
        log.get("station").info("token.accepted", token="…E5F6")
        log.get("station").info("transaction.started", evse=1)
        output.close(5.0)
    finally:
        structlog.reset_defaults()
        logging.root.handlers[:] = handlers
    assert [piece.count("\n") for piece in stream.pieces] == [1, 1]
    assert all(piece.endswith("\n") for piece in stream.pieces)
