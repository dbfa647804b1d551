"""The agent: `run(config)`. Wires the parts, runs them until a signal or a restart, ends in order.

The connection to the CSMS is opened while the store is still being opened and checked; whatever
arrives waits in the inbox until the station is there. Exit codes:

    0    an orderly stop (SIGTERM, SIGINT)
    1    a mistake of ours, logged; the service manager starts us again, a charge goes on meanwhile
    2    the configuration cannot be used
    75   the CSMS wants all programs restarted
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from chargepoint import log
from chargepoint.agent import wiring
from chargepoint.agent.clock import host_boot_id
from chargepoint.agent.control_link import ControlLinks
from chargepoint.agent.core import Core, FrameReceived, SocketClosed, SocketOpened
from chargepoint.agent.csms import CsmsLink
from chargepoint.agent.endpoint import endpoints
from chargepoint.agent.inbox import Inbox
from chargepoint.agent.jobs.desk import FileJobs, Trust
from chargepoint.agent.leases import Leases
from chargepoint.agent.messages import Messages
from chargepoint.agent.notes import write_note
from chargepoint.agent.requests.waiting import LocalAnswers
from chargepoint.agent.runtime import Parts, Runtime
from chargepoint.agent.security.keeper import Keeper
from chargepoint.agent.store import Opened, Store
from chargepoint.agent.writer import Writer
from chargepoint.config import Config, ConfigError
from chargepoint.service_manager import ServiceManager
from chargepoint.station.effects import Restart
from chargepoint.station.events import Event, ResetKind
from chargepoint.station.security_values import CertificateUse
from chargepoint.station.station import Station
from hal.errors import ConfigurationError

if TYPE_CHECKING:
    from chargepoint.agent.local import Local

EXIT_RESTART = 75
BEGIN_WAIT_S = 1.0
"""Longest wait of readers and service socket for the first word to the CSMS."""

CLOSE_WAIT_S = 3.0
FILES_WAIT_S = 1.0
"""Transfers are resumed or told as failed after the next start; none is worth a wait."""

STORE_WAIT_S = 8.0
SETTLE_S = 5.0
"""After this long everything is loaded: collect once, and leave it out of later collections."""

OTHERS = 0o027
"""What others may not do with our files, however we were started: cards and numbers are in them."""

REBOOT = ("systemctl", "reboot")
RESET_RETRIES_MAX = 5
"""However many the CSMS wants: the programs are restarted instead, and charge meanwhile."""


def run(config: Config) -> int:
    """Run the agent until it is to end; the exit code."""
    os.umask(os.umask(OTHERS) | OTHERS)
    output = log.QueuedOutput(sys.stdout)
    log.set_up(config.log.level, config.log.format, output, journal="JOURNAL_STREAM" in os.environ)
    try:
        wiring.check(config)
        agent = _Agent(config, output)
        restart = asyncio.run(agent.run())
    except Exception as error:
        return _failed(error)
    finally:
        output.close()
    if restart is None:
        return 0
    reboots = restart.kind is ResetKind.HARD and config.system.reboot == "host"
    if reboots and _reboot_host(agent.reset_retries):
        return 0
    return EXIT_RESTART


def _failed(error: Exception) -> int:
    """Exit code 2 for what the installer has to mend, told in one line each; else 1."""
    errors = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
    wrong = [one for one in errors if isinstance(one, ConfigError | ConfigurationError)]
    for one in wrong:
        print(one, file=sys.stderr)
    if not wrong:
        log.get("agent").error("agent.failed", exc_info=error)
    return 2 if wrong else 1


class _Agent:
    """Everything that lives as long as the loop."""

    def __init__(self, config: Config, output: log.QueuedOutput) -> None:
        self._config = config
        self._output = output
        self._log = log.get("agent")
        self._inbox = Inbox()
        self._messages = Messages()
        self._manager = ServiceManager()
        self._started_s = time.monotonic()
        self._runtime: Runtime | None = None
        self.reset_retries = 0
        """ResetRetries, as it stands when the station wants its restart."""
        self._stop_asked = False

    async def run(self) -> Restart | None:
        """The restart that the station wants; None after a signal."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop)
        opened: asyncio.Future[Opened] = loop.create_future()
        failure: asyncio.Future[Restart | None] = loop.create_future()
        writer = self._writer(loop, opened, failure)
        keeper = self._keeper(loop, failure)
        csms = self._csms(keeper)
        async with asyncio.TaskGroup() as group:
            connecting = None if csms is None else group.create_task(csms.run())
            try:
                writer.start()
                keeper.start()
                # A store that fails as a program ends the start, and not only the wait for it.
                await asyncio.wait((opened, failure), return_when=asyncio.FIRST_COMPLETED)
                if failure.done():
                    failure.result()
                return await self._serve(group, writer, keeper, csms, opened.result(), failure)
            finally:
                await _close(csms, connecting)
                await asyncio.to_thread(keeper.stop, CLOSE_WAIT_S)
                if not await asyncio.to_thread(writer.stop, STORE_WAIT_S):
                    self._log.error("store.slow", waited_s=STORE_WAIT_S)

    async def _serve(
        self,
        group: asyncio.TaskGroup,
        writer: Writer,
        keeper: Keeper,
        csms: CsmsLink | None,
        opened: Opened,
        failure: asyncio.Future[Restart | None],
    ) -> Restart | None:
        """The station's life, from the opened store on."""
        config = self._config
        station = wiring.station(config, opened, host_boot_id(), keeper.holdings)
        core = Core(station, wiring.adapters(config, station))
        controls = ControlLinks(
            wiring.safety_buses(config),
            wiring.readers_of(config),
            self._inbox.put,
            time.monotonic,
            wiring.latches(opened),
        )
        model, safety = station.device_model, config.safety
        parts = Parts(
            core=core,
            writer=writer,
            inbox=self._inbox,
            controls=controls,
            csms=csms,
            leases=Leases(safety.limit_lease_s, safety.permission_lease_s, time.monotonic()),
            messages=self._messages,
            manager=self._manager,
            ping_interval_s=lambda: model.number("OCPPCommCtrlr", "WebSocketPingInterval"),
            keeper=keeper,
            here=LocalAnswers(self._inbox.put),
            files=self._files(keeper),
        )
        self._runtime = runtime = Runtime(parts, time.monotonic)
        running = group.create_task(runtime.run())
        if self._stop_asked:
            runtime.stop()
        following = group.create_task(controls.run())
        local: Local | None = None
        try:
            if csms is not None:
                await _first(running, csms.begun)
            local = self._local(parts, station, opened, failure)
            await local.start()
            self._begun()
            await asyncio.wait((running, failure), return_when=asyncio.FIRST_COMPLETED)
            restart = failure.result() if failure.done() else running.result()
            self.reset_retries = model.number("OCPPCommCtrlr", "ResetRetries")
        finally:
            self._manager.stopping()
            self._log.info("agent.stopping")
            for task in (running, following):
                task.cancel()
            if local is not None:
                await local.stop()
            if parts.files is not None:
                await asyncio.to_thread(parts.files.stop, FILES_WAIT_S)
        self._log.info("agent.stopped", restart=None if restart is None else restart.reason)
        return restart

    def _stop(self) -> None:
        self._stop_asked = True
        if self._runtime is not None:
            self._runtime.stop()

    def _begun(self) -> None:
        self._manager.ready()
        started_s = round(time.monotonic() - self._started_s, 3)
        self._log.info("agent.started", station=self._config.station.id, took_s=started_s)
        asyncio.get_running_loop().call_later(SETTLE_S, _settle)

    def _csms(self, keeper: Keeper) -> CsmsLink | None:
        settings = self._config.csms
        if settings is None:
            return None
        first, *others = endpoints(settings, self._config.station.id)
        versions = wiring.subprotocols(settings)
        return CsmsLink(first, versions, self._arrived, others=others, access=keeper.access)

    async def _arrived(self, happening: SocketOpened | SocketClosed | FrameReceived) -> None:
        if isinstance(happening, FrameReceived):
            await self._inbox.put_frame(happening)
        else:
            self._inbox.put(happening)

    def _local(
        self,
        parts: Parts,
        station: Station,
        opened: Opened,
        failure: asyncio.Future[Restart | None],
    ) -> Local:
        """The side towards people and devices. Loaded here, because that may wait."""
        from chargepoint.agent.bookkeeping import Bookkeeping
        from chargepoint.agent.local import Local
        from chargepoint.agent.requests.evse import EvseDesk
        from chargepoint.agent.status import ServiceDesk

        loop = asyncio.get_running_loop()

        def tell(event: Event) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended before its threads
                loop.call_soon_threadsafe(self._inbox.put, event)

        def failed(error: BaseException) -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_fail, failure, error)

        desk = ServiceDesk(
            config=self._config,
            station=station,
            core=parts.core,
            controls=parts.controls,
            csms=parts.csms,
            messages=self._messages,
            bookkeeping=Bookkeeping(
                alone=parts.csms is None,
                writer=parts.writer,
                station=station,
                tell=self._inbox.put,
                now=time.monotonic,
            ),
            quarantined_before=opened.quarantined,
            kept=opened.spaces,
            write=parts.writer.write,
            started_s=self._started_s,
            now=time.monotonic,
            evses=EvseDesk(answers=parts.here, controls=parts.controls, now=time.monotonic),
            dropped=lambda: self._inbox.dropped,
            holdings=lambda: parts.keeper.holdings,
            lines=lambda: tuple(self._output.recent),
            written=lambda: self._output.written,
            readers=parts.readers,
        )
        if parts.files is not None:
            parts.files.snapshot = desk.snapshot
        return Local(self._config, desk, tell, failed)

    def _files(self, keeper: Keeper) -> FileJobs | None:
        if self._config.csms is None:
            return None
        loop = asyncio.get_running_loop()

        def tell(event: Event) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended before its threads
                loop.call_soon_threadsafe(self._inbox.put, event)

        trust = Trust(
            self._config,
            lambda: keeper.root_files(CertificateUse.CSMS_ROOT),
            lambda: keeper.root_files(CertificateUse.MANUFACTURER_ROOT),
        )
        return FileJobs(self._config, trust, tell)

    def _keeper(
        self, loop: asyncio.AbstractEventLoop, failure: asyncio.Future[Restart | None]
    ) -> Keeper:
        def tell(event: Event) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended before its threads
                loop.call_soon_threadsafe(self._inbox.put, event)

        def failed(error: BaseException) -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_fail, failure, error)

        return Keeper(self._config, tell, failed)

    def _writer(
        self,
        loop: asyncio.AbstractEventLoop,
        opened: asyncio.Future[Opened],
        failure: asyncio.Future[Restart | None],
    ) -> Writer:
        def deliver(call: Callable[[], None]) -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(call)

        return Writer(
            Store(self._config.state_dir, self._config.run_dir),
            deliver=deliver,
            on_open=opened.set_result,
            on_note=write_note,
            on_failure=partial(_fail, failure),
        )


async def _first(task: asyncio.Task[Restart | None], event: asyncio.Event) -> None:
    """Wait for the end of `task` or for `event`, but not long."""
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait((task, waiting), timeout=BEGIN_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _close(csms: CsmsLink | None, task: asyncio.Task[None] | None) -> None:
    """Say goodbye to the CSMS, but do not wait long for its answer."""
    if csms is None or task is None:
        return
    csms.stop()
    await asyncio.wait((task,), timeout=CLOSE_WAIT_S)
    task.cancel()


def _fail(failure: asyncio.Future[Restart | None], error: BaseException) -> None:
    if not failure.done():
        failure.set_exception(error)


def _settle() -> None:
    gc.collect()
    gc.freeze()


def _reboot_host(retries: int, command: Sequence[str] = REBOOT, pause_s: float = 5.0) -> bool:
    """Ask for a reboot of the host, `retries` times again; False when it is not to be had."""
    for attempt in range(1 + min(retries, RESET_RETRIES_MAX)):
        if attempt:
            time.sleep(pause_s)
        try:
            subprocess.run(command, check=True, timeout=10)
        except (OSError, subprocess.SubprocessError) as error:
            log.get("agent").error("host.reboot_refused", error=str(error))
        else:
            return True
    return False
