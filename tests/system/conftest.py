"""What system tests share: which central system stands at the other end."""

from __future__ import annotations

import pytest

from hil.csms.server import Csms
from tests.foreign.csms import ForeignCsms, require
from tests.system import stage_csms


@pytest.fixture(params=[Csms, ForeignCsms], ids=["own", "ocpp-rpc"])
def each_csms(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Csms]:
    """The scenes of this test run once before our own CSMS and once before a foreign one."""
    server: type[Csms] = request.param
    if server is ForeignCsms:
        require()
    monkeypatch.setattr(stage_csms, "SERVER", server)
    return server
