"""The station behind the pages: simulator, programs and pages as real processes."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hil.stage import Stage, changed, example, free_port

CARD = "04A1B2C3D4E5F6"
SITE = {
    "name": "Nordpark garage",
    "address": "Nordstraße 7, 10115 Berlin",
    "directions": {"en": "Level 2, left of the lift", "de": "Ebene 2, links vom Aufzug"},
    "operator": "Nordpark Energie",
    "support_phone": "+49 30 5550100",
    "support_email": "help@nordpark.example",
    "nearby": {"en": ["Toilets", "Café"], "de": ["Toiletten", "Café"]},
    "notice": [
        {
            "text": {
                "en": "On Sunday the garage opens at 10.",
                "de": "Am Sonntag öffnet die Garage um 10 Uhr.",
            }
        }
    ],
}
CHANGES: dict[str, Any] = {
    "safety.stale_after_s": 1.0,  # programs and browser share a busy test machine
    "simulator.speed": 60.0,
    "ocpp.v16.AllowOfflineTxForUnknownId": True,
    "ocpp.v16.LocalAuthorizeOffline": True,
    "site": SITE,
    "tariff": {
        "energy_price": 0.49,
        "idle_price": 6.0,
        "idle_free_min": 30,
        "start_price": 0.5,
        "tax_percent": 19,
        "window": [{"from": "22:00", "to": "06:00", "idle_price": 3.0}],
    },
    "alerts.email": {"server": "127.0.0.1", "sender": "charger@nordpark.example", "port": 9},
}


@contextmanager
def standing(directory: Path, *, evses: int = 1, **changes: Any) -> Iterator[tuple[Stage, str]]:
    """A station with pages, free and ready, and the address of its pages."""
    port = free_port()
    raw = example()
    raw["evse"] = raw["evse"][:evses]
    raw["web"] = {
        "listen": f"127.0.0.1:{port}",
        "public_url": "https://charge.example/nord",
        "subscribe": ["email"],
    }
    url = f"http://127.0.0.1:{port}"
    with Stage(directory, None, {}, raw=changed(raw, {**CHANGES, **changes})) as stage:
        stage.start_simulator()
        stage.start("run")
        stage.wait_until(lambda: free(url), 60.0, "the place to be free", "run")
        yield stage, url


def free(url: str) -> bool:
    """Whether the page says that somebody can charge."""
    try:
        with urllib.request.urlopen(f"{url}/api/driver", timeout=2) as answer:
            return b'"state":"free"' in answer.read()
    except (urllib.error.URLError, OSError):
        return False


OWNER, PASSWORD = "owner", "a long enough password"


def make_owner(stage: Stage) -> None:
    """An account for the owner's area."""
    command = [sys.executable, "-m", "chargepoint.cli.main", "web", "passwd", OWNER]
    subprocess.run(
        [*command, "--config", str(stage.config_path)],
        input=PASSWORD.encode() + b"\n",
        check=True,
        capture_output=True,
        timeout=60,
    )
