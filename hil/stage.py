"""A whole station on this machine: the plant on the wire, the programs, a directory of their own.

For the demo, the system tests and the bench. Everything listens on loopback at free ports and lives
below one directory, so that any number of stages can stand side by side. Programs are real child
processes of this one; what they print goes to `<directory>/<program>.log`.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from chargepoint.config import Config, load

STOP_WAIT_S = 20.0


class StageError(Exception):
    """A program of the stage did not come up, or the simulator refused a request."""


def example(name: str = "demo.toml") -> dict[str, Any]:
    """An example configuration as raw TOML data."""
    packaged = files("chargepoint").joinpath("_config", "examples", name)
    source = Path(__file__).resolve().parents[1] / "config" / "examples" / name
    text = packaged.read_text("utf-8") if packaged.is_file() else source.read_text("utf-8")
    return tomllib.loads(text)


def changed(raw: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`raw` with dotted keys replaced (`bus.0.baud`, numbers index tables); None deletes."""
    result = copy.deepcopy(dict(raw))
    for key, value in changes.items():
        *parts, last = key.split(".")
        place: Any = result
        for part in parts:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return result


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Stage:
    """Programs and plant below `directory`. Use as a context manager; `stop` ends everything."""

    def __init__(
        self,
        directory: Path,
        csms_url: str | None = None,
        changes: Mapping[str, Any] | None = None,
        raw: Mapping[str, Any] | None = None,
        simulator_port: int | None = None,
    ) -> None:
        self.directory = directory
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        directory.mkdir(parents=True, exist_ok=True)
        wanted = {
            "paths.state_dir": "state",
            "paths.run_dir": "run",
            "simulator.http": f"127.0.0.1:{simulator_port or free_port()}",
            "log.format": "text",
        }
        raw = changed(raw or example(), wanted)
        if csms_url is None:
            raw.pop("csms", None)
        else:
            raw = changed(raw, {"csms.url": csms_url})
        self.config_path = directory / "station.toml"
        self.config_path.write_text(to_toml(changed(raw, changes or {})), "utf-8")
        self.config: Config = load(self.config_path)
        for path in (self.config.state_dir, self.config.run_dir):
            path.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    # --- programs ---------------------------------------------------------------------------------

    def start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `chargepoint PROGRAM --config …` as a child, under its own name."""
        command = [sys.executable, "-m", "chargepoint.cli.main", program]
        command += ["--config", str(self.config_path), *arguments]
        with (self.directory / f"{program}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment())
        self.processes[program] = process
        return process

    def start_simulator(self, within_s: float = 30.0) -> None:
        """Start the plant and wait until it answers. Raises StageError."""
        self.start("simulate")
        self.wait_until(self._simulator_answers, within_s, "the simulator to answer", "simulate")

    def end(self, program: str, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, and return the exit code."""
        process = self.processes.pop(program)
        process.send_signal(number)
        try:
            return process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def stop(self) -> None:
        """End everything: the programs first, the plant last."""
        for program in ("run", "agent", "control"):
            if program in self.processes:
                self.end(program)
        for program in list(self.processes):
            self.end(program)

    def log(self, program: str) -> str:
        """What a program has printed so far."""
        path = self.directory / f"{program}.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def wait_until(
        self, condition: Callable[[], bool], within_s: float, what: str, program: str = ""
    ) -> None:
        """Poll `condition`. Raises StageError when it stays false, or when `program` ends."""
        deadline_s = time.monotonic() + within_s
        while not condition():
            process = self.processes.get(program)
            if process is not None and process.poll() is not None:
                raise StageError(
                    f"{program} ended with {process.returncode} while waiting for {what}:\n"
                    + self.log(program)[-2000:]
                )
            if time.monotonic() > deadline_s:
                raise StageError(f"waited {within_s:g} s for {what} in vain")
            time.sleep(0.02)

    # --- simulator --------------------------------------------------------------------------------

    @property
    def simulator_url(self) -> str:
        return f"http://{self.config.simulator.http}"

    def state(self) -> dict[str, Any]:
        """GET /state of the simulator."""
        state: dict[str, Any] = self._request("GET", "/state")
        return state

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """POST to the simulator. Raises StageError with its message when it refuses."""
        return self._request("POST", path, dict(body or {}))

    def plug_in(self, evse: int = 1, **options: Any) -> None:
        self.post(f"/evse/{evse}/plug_in", options)

    def unplug(self, evse: int = 1) -> None:
        self.post(f"/evse/{evse}/unplug")

    def vehicle(self, evse: int = 1, **wish: Any) -> None:
        """`request="charge" | "pause" | "ventilation"`, `current_a`, `phases`."""
        self.post(f"/evse/{evse}/ev", wish)

    def card(self, token: str, reader: str = "cards", hold_s: float = 0.3) -> None:
        self.post(f"/rfid/{reader}/present", {"token": token, "hold_s": hold_s})

    def events(self, timeout_s: float = 60.0) -> Iterator[dict[str, Any]]:
        """The simulator's event stream from now on."""
        with urllib.request.urlopen(f"{self.simulator_url}/events", timeout=timeout_s) as stream:
            for line in stream:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    def _simulator_answers(self) -> bool:
        with contextlib.suppress(StageError):
            self.state()
            return True
        return False

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            self.simulator_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            raise StageError(f"{method} {path}: {error.code}: {text}") from error
        except OSError as error:
            raise StageError(f"{method} {path}: {error}") from error


def to_toml(raw: Mapping[str, Any]) -> str:
    """`raw` as TOML text; tables, arrays of tables and plain values."""
    lines: list[str] = []
    _table(raw, (), lines)
    return "\n".join(lines) + "\n"


def _table(raw: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    for key, value in raw.items():
        if not isinstance(value, dict) and not _is_tables(value):
            lines.append(f"{_key(key)} = {_value(value)}")
    for key, value in raw.items():
        name = (*path, _key(key))
        if isinstance(value, dict):
            lines.append(f"[{'.'.join(name)}]")
            _table(value, name, lines)
        elif _is_tables(value):
            for item in value:
                lines.append(f"[[{'.'.join(name)}]]")
                _table(item, name, lines)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() else json.dumps(key)


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1"}
