"""`chargepoint demo`: a charger, a car and a CSMS on this machine, and a first charge to watch.

The plant, `control` and `agent` are real processes that talk over real serial lines; the CSMS lives
in this process. A script plays the first session; then it is the visitor's turn, until Ctrl-C.
With `--headless` two sessions are played once, checked against the meter register and the CSMS's
books, and the exit code says whether all of it happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from chargepoint.config import ConfigError

CARD, GUEST = "04A1B2C3D4E5F6", "REMOTE01"
PLANT_SPEED = 60.0
"""Energy and battery of the demo run this much faster, so that a short session has a bill."""

STEP_WAIT_S = 20.0
CHARGE_S = 6.0


class StepFailed(Exception):
    """A step of the story did not happen in time."""


@click.command()
@click.option("--headless", is_flag=True, help="Play the story once, check it, exit 0 or 1.")
@click.option("--dir", "directory", type=click.Path(file_okay=False), help="Keep all files here.")
@click.option("--port", default=8180, show_default=True, help="Port of the page and the CSMS.")
def demo(headless: bool, directory: str | None, port: int) -> None:
    """Show the main job: a simulated charger, the station and a local CSMS together.

    Without a terminal it behaves as with --headless.
    """
    headless = headless or not sys.stdout.isatty()
    place = Path(directory) if directory else Path(tempfile.mkdtemp(prefix="chargepoint-demo-"))
    try:
        code = asyncio.run(_play(place, port, headless))
    except KeyboardInterrupt:
        code = 0
    finally:
        if directory is None:
            shutil.rmtree(place, ignore_errors=True)
    sys.exit(code)


async def _play(place: Path, port: int, headless: bool) -> int:
    from hil.csms.server import Csms
    from hil.stage import Stage, StageError, free_port

    simulator_port, web_port = free_port(), free_port()
    csms = Csms(port=0 if headless else port, simulator_url=f"http://127.0.0.1:{simulator_port}/")
    try:
        await csms.start()
    except OSError as error:
        click.echo(f"port {port} cannot be used ({error.strerror}); try --port", err=True)
        return 1
    changes = {
        "simulator.speed": PLANT_SPEED,
        "ocpp.v16.MeterValueSampleInterval": 2,
        "csms.retry_wait_min_s": 1.0,
        "csms.retry_random_range_s": 1.0,
        "web.listen": f"127.0.0.1:{web_port}",
        "tariff.energy_price": 0.45,
        "site.name": "Demo car park",
        "site.support_phone": "+49 30 1234567",
    }
    with Stage(place, csms.url, changes, simulator_port=simulator_port) as stage:
        story = Story(stage, csms, stage.config.station.id)
        try:
            if not headless:
                story.say(click.style("chargepoint demo", bold=True))
                story.say(f"Open {click.style(csms.page_url + 'demo', fg='cyan', bold=True)}\n")
            await story.first_session()
            if headless:
                await story.second_session()
                return story.summary()
            await story.hand_over(csms.page_url)
        except (StepFailed, StageError, ConfigError) as error:
            click.echo(click.style(f"  ✗ {error}", fg="red"), err=True)
            click.echo(stage.log("run")[-3000:], err=True)
            return 1
        finally:
            await asyncio.to_thread(stage.stop)
            await csms.stop()
    return 0


class Story:
    """The steps, each said when it has really happened."""

    def __init__(self, stage: Any, csms: Any, identity: str) -> None:
        self.stage, self.csms, self.identity = stage, csms, identity
        self.central = csms.central
        self.began_s = time.monotonic()
        self.registers: dict[int, int] = {}

    def say(self, text: str) -> None:
        click.echo(text)

    def done(self, text: str) -> None:
        mark = click.style("✓", fg="green")
        self.say(f"  {mark} {time.monotonic() - self.began_s:5.1f} s  {text}")

    async def first_session(self) -> None:
        """Plug in, present a card, charge."""
        stage = self.stage
        await asyncio.to_thread(stage.start_simulator)
        self.done("the simulated charger is on its serial lines")
        stage.start("run")
        await self._until(lambda: bool(self.central.boots), "BootNotification")
        await self._status(1, "Available")
        _, boot = self.central.boots[-1]
        self.done(f"{boot['chargePointModel']} has booted at the CSMS over OCPP 1.6")
        await self._do(stage.plug_in, 1)
        await self._status(1, "Preparing")
        self.done("a car is plugged in at EVSE 1 (pilot state B)")
        await self._do(stage.card, CARD)
        await self._until(lambda: self._open(1) is not None, "StartTransaction")
        self.done(f"card {CARD} was accepted, transaction {self._open(1).id} has started")
        await self._status(1, "Charging")
        self.done("the contactor is closed and the car charges")
        await self._driver_sees("charging")
        self.done(f"the driver's page shows it: {self.pages_url}e/1")

    async def second_session(self) -> None:
        """The headless rest: a remote start at EVSE 2, and both sessions to their ends."""
        stage = self.stage
        await self._do(stage.plug_in, 2)
        await self._status(2, "Preparing")
        answer = await self.csms.call(
            self.identity, "RemoteStartTransaction", {"connectorId": 2, "idTag": GUEST}
        )
        if answer.get("status") != "Accepted":
            raise StepFailed(f"the remote start was answered {answer}")
        await self._status(2, "Charging")
        self.done("a second car charges at EVSE 2 after a remote start")
        await self._charge()
        first, second = self._open(1), self._open(2)
        await self._do(stage.card, CARD)
        await self._until(lambda: first.stop is not None, "StopTransaction of EVSE 1")
        self.done(f"the card was presented again: {_bill(first)}")
        await self._do(stage.unplug, 1)
        await self._status(1, "Available")
        self.done("EVSE 1 is free again")
        await self.csms.call(self.identity, "RemoteStopTransaction", {"transactionId": second.id})
        await self._until(lambda: second.stop is not None, "StopTransaction of EVSE 2")
        self.done(f"the CSMS stopped EVSE 2: {_bill(second)}")
        await self._do(stage.unplug, 2)
        await self._status(2, "Available")
        for evse in (1, 2):
            self.registers[evse] = await self._register(evse)

    def summary(self) -> int:
        """Print the books; 0 only if they agree with the meters and no rule was broken."""
        transactions = list(self.central.transactions.values())
        problems = list(self.central.violations)
        for transaction in transactions:
            evse = transaction.start["connectorId"]
            register = self.registers[evse]
            if transaction.stop is None:
                problems.append(f"transaction {transaction.id} never ended")
            elif transaction.stop["meterStop"] != register:
                problems.append(
                    f"transaction {transaction.id}: meterStop {transaction.stop['meterStop']} Wh, "
                    f"but the meter shows {register} Wh"
                )
        energy_wh = sum(transaction.energy_wh or 0 for transaction in transactions)
        calls = [m for m in self.csms.messages if m.incoming and m.kind == "call"]
        answers = [m for m in self.csms.messages if not m.incoming and m.kind == "result"]
        if energy_wh <= 0:
            problems.append("no energy was billed")
        if len(answers) != len(calls):
            problems.append(f"{len(calls)} messages, but {len(answers)} acknowledged")
        self.say("")
        self.say(
            f"  {len(transactions)} sessions, {energy_wh / 1000:.3f} kWh by register difference"
        )
        self.say(f"  {len(calls)} messages sent, {len(answers)} acknowledged")
        self.say(f"  {time.monotonic() - self.began_s:.1f} s in all")
        for problem in problems:
            self.say(click.style(f"  ✗ {problem}", fg="red"))
        if not problems:
            self.say(click.style("  All of it happened.", fg="green"))
        return 1 if problems else 0

    async def hand_over(self, page_url: str) -> None:
        """Show the running charge until Ctrl-C."""
        self.say("\nYour turn: plug in, swipe, stop, break things, on the page or by hand:")
        self.say(f"  {page_url}demo      charger and CSMS side by side")
        self.say(f"  {self.stage.simulator_url}/          the charger alone")
        self.say(f"  {self.pages_url}          what drivers see")
        self.say(f"  {self.pages_url}owner     what the owner sees: {self._owner()}")
        config = self.stage.config_path
        self.say(f"  chargepoint status --config {config}")
        self.say(f"  chargepoint watch  --config {config}")
        self.say("\nCtrl-C ends it.\n")
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        while not stop.is_set():
            self._show_progress()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await stop.wait()
        self.say("\nstopping…")

    @property
    def pages_url(self) -> str:
        return f"http://{self.stage.config.web.listen}/"

    def _owner(self) -> str:
        """An account for the visitor, in words."""
        from chargepoint.web.accounts import Accounts, Role

        password = secrets.token_urlsafe(9)
        Accounts(self.stage.config.state_dir).set("demo", password, Role.OWNER)
        return f"account demo, password {password}"

    async def _driver_sees(self, state: str) -> None:
        """Wait until the driver's page tells `state` of EVSE 1. Raises StepFailed."""
        until_s = time.monotonic() + STEP_WAIT_S
        while time.monotonic() < until_s:
            with contextlib.suppress(OSError, ValueError):
                view = await self._do(_read, f"{self.pages_url}api/driver/1")
                if view["evses"][0]["state"] == state:
                    return
            await asyncio.sleep(0.2)
        raise StepFailed(f"waited {STEP_WAIT_S:g} s for the driver's page in vain")

    # --- pieces -----------------------------------------------------------------------------------

    def _show_progress(self) -> None:
        parts = []
        for evse in (1, 2):
            status = self.central.status.get((self.identity, evse), {}).get("status", "?")
            transaction = self._open(evse)
            energy = ""
            if transaction is not None and transaction.samples:
                energy = f" {_energy(transaction) / 1000:.3f} kWh"
            parts.append(f"EVSE {evse}: {status}{energy}")
        click.echo(f"\r  {'   '.join(parts)}   {len(self.csms.messages)} messages ", nl=False)

    async def _charge(self) -> None:
        until_s = time.monotonic() + CHARGE_S
        with click.progressbar(length=100, label="    charging", show_eta=False) as bar:
            while (left_s := until_s - time.monotonic()) > 0:
                bar.update(int(100 * (1 - left_s / CHARGE_S)) - bar.pos)
                await asyncio.sleep(0.2)
            bar.update(100 - bar.pos)

    def _open(self, connector: int) -> Any:
        return self.central.open_transaction(self.identity, connector)

    async def _status(self, connector: int, wanted: str) -> None:
        def reached() -> bool:
            status = self.central.status.get((self.identity, connector), {})
            return bool(status.get("status") == wanted)

        await self._until(reached, f"status {wanted} of EVSE {connector}")

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        if not await self.csms.wait_for(condition, STEP_WAIT_S):
            raise StepFailed(f"waited {STEP_WAIT_S:g} s for {what} in vain")

    async def _register(self, evse: int) -> int:
        state = await self._do(self.stage.state)
        return int(state["evse"][str(evse)]["energy_wh"])

    async def _do(self, action: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.to_thread(action, *arguments)


def _read(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=2) as answer:
        return json.load(answer)


def _bill(transaction: Any) -> str:
    return f"{transaction.energy_wh / 1000:.3f} kWh, {len(transaction.samples)} samples"


def _energy(transaction: Any) -> float:
    for value in transaction.samples[-1]["meterValue"][-1]["sampledValue"]:
        if value.get("measurand", "").startswith("Energy.Active.Import.Register"):
            return float(value["value"]) - float(transaction.start["meterStart"])
    return 0.0
