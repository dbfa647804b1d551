"""A station without a way to the internet, in a network namespace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.notify.brokers import mosquitto

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
APART = ("unshare", "--net", "--")


def namespaces() -> None:
    """Skip where no network namespace can be made; fail where CI runs it."""
    missing = shutil.which("unshare") is None or shutil.which("ip") is None
    if missing or subprocess.run([*APART, "true"], capture_output=True).returncode != 0:
        if os.environ.get("CI") == "true":
            pytest.fail("no network namespace can be made")
        pytest.skip("needs network namespaces (root, iproute2)")


def test_cut_off_it_tells_by_sms_mqtt_lamp_and_buzzer_and_by_mail_once_when_the_way_is_back(
    tmp_path: Path,
) -> None:
    namespaces()
    mosquitto()
    command = [*APART, sys.executable, "-m", "tests.system.cut_off", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
