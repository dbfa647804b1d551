"""The architecture as a test: who may import whom, read from the source with `ast`."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("chargepoint", "hal", "hil")

SHARED = (
    "chargepoint.config",
    "chargepoint.log",
    "chargepoint.catalog",
    "chargepoint.service_manager",
)
KEY = "chargepoint.station_key"
PLAN = "chargepoint.price_plan"
IMPURE = ("asyncio", "socket", "time", "threading", "sqlite3", "random", "select", "subprocess")

# fmt: off
ALLOWED = {
    # room:                may import of our own
    "hal.values":          (),
    "hal":                 ("hal",),
    "chargepoint.price_plan": (),
    "chargepoint.config":  ("chargepoint.config", "chargepoint.catalog", PLAN),
    "chargepoint.log":     (),
    "chargepoint.service_manager": (),
    "chargepoint.station_key": ("chargepoint.owner",),
    "chargepoint.owner":   (),
    "chargepoint.catalog": ("chargepoint.catalog",),
    "chargepoint.ipc":     ("hal.values", "chargepoint.ipc"),
    "chargepoint.evse":    ("hal.values", "chargepoint.ipc.messages", "chargepoint.evse"),
    "chargepoint.control": ("hal", "chargepoint.evse", "chargepoint.ipc", "chargepoint.control",
                            *SHARED),
    "chargepoint.station": ("hal.values", "chargepoint.catalog", "chargepoint.station", PLAN),
    "chargepoint.ocpp":    ("hal.values", "chargepoint.catalog", "chargepoint.station",
                            "chargepoint.ocpp"),
    "chargepoint.agent":   ("hal", "chargepoint.station", "chargepoint.ocpp", "chargepoint.ipc",
                            "chargepoint.agent", KEY, PLAN, *SHARED),
    "chargepoint.doctor":  ("hal", "chargepoint.ipc", "chargepoint.doctor", KEY,
                            *SHARED),
    "chargepoint.web":     ("hal.values", "chargepoint.ipc", "chargepoint.doctor",
                            "chargepoint.web", "chargepoint.owner", PLAN, *SHARED),
    "chargepoint.cli":     ("hal", "hil", "chargepoint.ipc", "chargepoint.doctor",
                            "chargepoint.cli", "chargepoint.control.main",
                            "chargepoint.agent.main", "chargepoint.web.main",
                            "chargepoint.web.accounts", "chargepoint.web.tls",
                            "chargepoint.owner", KEY, PLAN, *SHARED),
    "hil":                 ("hal", "hil", "chargepoint.ipc", *SHARED),
}
PURE = (PLAN, "chargepoint.evse", "chargepoint.station", "chargepoint.ocpp", "hil.plant",
        "chargepoint.agent.core")
FORBIDDEN_IN_CONTROL = ("asyncio", "ssl", "sqlite3", "http", "ocpp", "websockets", "starlette")
# fmt: on


def modules() -> list[tuple[str, Path]]:
    found = []
    for program in PROGRAMS:
        for path in sorted((ROOT / program).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "_validators" in parts:
                continue
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append((name, path))
    return found


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            if module in PROGRAMS:
                yield from (f"{module}.{alias.name}" for alias in node.names)
            else:
                yield module


def within(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


def room_of(name: str) -> str | None:
    rooms = [room for room in ALLOWED if within(name, (room,))]
    return max(rooms, key=len) if rooms else None


def ids(item: tuple[str, Path]) -> str:
    return item[0]


@pytest.mark.parametrize("module", modules(), ids=ids)
def test_a_module_imports_only_what_its_room_may_know(module: tuple[str, Path]) -> None:
    name, path = module
    room = room_of(name)
    if room is None:
        assert name in ("chargepoint", "hil"), f"{name} stands in no room"
        return
    ours = [found for found in imports(path) if found.split(".")[0] in PROGRAMS]
    strangers = [found for found in ours if not within(found, ALLOWED[room])]
    assert strangers == [], f"{name} ({room}) must not know {strangers}"


@pytest.mark.parametrize("module", [m for m in modules() if within(m[0], PURE)], ids=ids)
def test_a_pure_module_imports_no_clock_socket_thread_or_chance(module: tuple[str, Path]) -> None:
    name, path = module
    assert [found for found in imports(path) if within(found, IMPURE)] == [], name


@pytest.mark.parametrize(
    "module", [m for m in modules() if within(m[0], ("hal.drivers",))], ids=ids
)
def test_a_driver_reads_no_clock_and_starts_no_thread(module: tuple[str, Path]) -> None:
    name, path = module
    assert [found for found in imports(path) if within(found, IMPURE)] == [], name


@pytest.mark.parametrize(
    "module",
    [m for m in modules() if within(m[0], ("chargepoint.control", "chargepoint.evse"))],
    ids=ids,
)
def test_control_stays_free_of_event_loops_databases_and_networks(
    module: tuple[str, Path],
) -> None:
    name, path = module
    assert [found for found in imports(path) if within(found, FORBIDDEN_IN_CONTROL)] == [], name


def test_the_safety_program_loads_nothing_of_it_by_way_of_others_either() -> None:
    """structlog would take `asyncio`, and `rich` and `greenlet` where they are installed."""
    code = "import sys, chargepoint.control.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {*FORBIDDEN_IN_CONTROL, "rich", "greenlet"} & set(done.stdout.split()) == set()
