"""The web program: `run(config)`. Serves until a signal, ends within three seconds.

Exit codes: 0 an orderly stop, 1 it failed or the address cannot be listened on, 2 the configuration
cannot be used.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import signal
import socket
import ssl
import sys
import time

from chargepoint import log
from chargepoint.config import Config, ConfigError, Mistake
from chargepoint.config.people import Web
from chargepoint.config.web_listen import area_open
from chargepoint.service_manager import ServiceManager
from chargepoint.web.accounts import Accounts
from chargepoint.web.agent import Agent
from chargepoint.web.context import Context
from chargepoint.web.desk import Desk
from chargepoint.web.history import History
from chargepoint.web.live import Live
from chargepoint.web.observers import Observers
from chargepoint.web.server import application, server
from chargepoint.web.sessions import Sessions
from chargepoint.web.streams import Streams
from chargepoint.web.throttle import Throttle
from chargepoint.web.work import Work

FIELD_METER_PERIOD_S = 5.0
"""Meters on other buses than the safety ones are known to the agent only."""

TLS_LOOK_S = 6 * 3600.0
ALIVE_S = 10.0

M_MMAP_THRESHOLD = -3
"""Of malloc.h in glibc."""

MMAP_BYTES = 1024 * 1024


def run(config: Config) -> int:
    """Serve until a signal; the exit code."""
    output = log.QueuedOutput(sys.stdout)
    log.set_up(config.log.level, config.log.format, output, journal="JOURNAL_STREAM" in os.environ)
    # What goes wrong is logged by the guard; uvicorn would log what any stranger sends.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    _give_back_large_blocks()
    try:
        web = checked(config)
        return asyncio.run(_serve(config, web))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        log.get("web").error("web.failed", error=str(error))
        return 1
    except Exception as error:
        log.get("web").error("web.failed", error="a mistake of ours", exc_info=error)
        return 1
    finally:
        output.close()


def checked(config: Config) -> Web:
    """The section `[web]`. Raises ConfigError where there is none."""
    if config.web is None:
        raise ConfigError(config.source, [Mistake("web", "missing; no pages are served without")])
    return config.web


def desk_of(config: Config, web: Web, with_tls: bool) -> Desk:
    """Everything that the pages work with; nothing of it runs yet."""
    agent = Agent(config.agent_socket())
    observers = Observers({bus: config.control_socket(bus) for bus in config.safety_buses()})
    live = Live(agent, observers, FIELD_METER_PERIOD_S if _field_meters(config) else None)
    context = Context(config=config, web=web, agent=agent, live=live, streams=Streams())
    return Desk(
        context=context,
        accounts=Accounts(config.state_dir),
        sessions=Sessions(web.session_min * 60, time.monotonic),
        throttle=Throttle(time.monotonic),
        observers=observers,
        history=History([evse.id for evse in config.evse], observers, live, time.monotonic),
        work=Work(),
        tls=with_tls,
        area_open=area_open(web),
    )


async def _serve(config: Config, web: Web) -> int:
    logger, manager = log.get("web"), ServiceManager()
    secured = _tls(config, web)
    desk = desk_of(config, web, secured is not None)
    listening = _listen(web)
    serving = server(application(desk), secured)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(desk.observers.run()),
            group.create_task(desk.context.live.run()),
            group.create_task(desk.history.run()),
            group.create_task(_renew(config, web, secured)),
            group.create_task(_alive(manager)),
        ]
        running = group.create_task(serving.serve(sockets=[listening]))
        scheme = "http" if secured is None else "https"
        logger.info("web.started", address=f"{scheme}://{web.listen}", owner=desk.area_open)
        manager.ready()
        gc.collect()
        gc.freeze()
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((stopping, running), return_when=asyncio.FIRST_COMPLETED)
        manager.stopping()
        desk.context.streams.close()
        serving.should_exit = True
        for task in (*tasks, stopping):
            task.cancel()
    desk.work.stop()
    logger.info("web.stopped")
    return 0


def _listen(web: Web) -> socket.socket:
    """The listening socket. Raises OSError that names the address."""
    host, _, port = web.listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, int(port)))
        made.listen(64)
        made.setblocking(False)
    except (OSError, OverflowError) as error:
        made.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise OSError(f"{web.listen}: {reason}") from error
    return made


def _tls(config: Config, web: Web) -> ssl.SSLContext | None:
    """Certificates need a library of 8 MB, which is loaded only for them."""
    if web.tls == "off":
        return None
    from chargepoint.web.tls import context_of

    return context_of(config, web)


def _give_back_large_blocks() -> None:
    """Without this, glibc keeps the 16 MB that a look at a password takes, for the next one."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MMAP_BYTES)


async def _renew(config: Config, web: Web, context: ssl.SSLContext | None) -> None:
    """Take a certificate that has been made again, or replaced, without a restart."""
    if context is None:
        return
    from chargepoint.web import tls

    seen = None
    while True:
        with contextlib.suppress(OSError, ssl.SSLError):
            cert, key = await asyncio.to_thread(tls.files_of, config, web)
            found = tls.fingerprint(cert)
            if seen not in (None, found):
                context.load_cert_chain(cert, key)
                log.get("web").info("web.certificate_changed", fingerprint=found)
            seen = found
        await asyncio.sleep(TLS_LOOK_S)


async def _alive(manager: ServiceManager) -> None:
    while True:
        manager.alive()
        await asyncio.sleep(ALIVE_S)


def _field_meters(config: Config) -> bool:
    safety = config.safety_buses()
    meters = (evse.meter for evse in config.evse if evse.meter)
    return any(config.device_named(meter).bus not in safety for meter in meters)
