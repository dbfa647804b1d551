"""Real programs under abuse, a few plug cycles for each: the whole rotation runs by hand.

python -m tests.system.abuse --cycles 500 --stations 2
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from hil.csms.server import Csms
from tests.system.abuse.campaign import one

pytestmark = pytest.mark.system

PLANS = (
    ("agent stopped", "control killed"),
    ("bus, 5 % damaged frames", "agent short of memory"),
)


async def test_a_closed_contactor_is_never_left_alone(tmp_path: Path) -> None:
    until_s = time.monotonic() + 120.0
    async with Csms() as csms:
        results = await asyncio.gather(
            *(
                one(tmp_path / str(n), csms, n, 20261124 + n, plan, until_s)
                for n, plan in enumerate(PLANS)
            )
        )
    for result in results:
        assert result.violations == []
        assert result.charged > result.cycles // 8, "hardly anything was charged"
        assert result.prompt_s, "nothing had to open undisturbed"
