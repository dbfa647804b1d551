"""Puts the tables of the code into docs/iec61851.md: `python -m tests.evse.document`."""

from __future__ import annotations

import re
from pathlib import Path

from chargepoint.evse.diagram import (
    hazard_table,
    output_table,
    transition_diagram,
    transition_table,
)

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "iec61851.md"
BLOCKS = {
    "diagram": lambda: f"```mermaid\n{transition_diagram()}\n```",
    "transitions": transition_table,
    "outputs": output_table,
    "hazards": hazard_table,
}


def renewed(text: str) -> str:
    """`text` with each generated block as the code has it now. Raises KeyError for others."""
    block = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
    return block.sub(lambda found: f"{found[1]}{BLOCKS[found[2]]()}\n{found[3]}", text)


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
