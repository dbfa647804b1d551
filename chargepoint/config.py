"""The station's configuration: one TOML file, checked whole, every mistake named at once.

Parsing ends in frozen values that cannot be wrong; nothing inside checks them again. A mistake is
reported as `file: key: what was found, what was expected`, with a suggestion for misspelt keys.
What the CSMS changes at run time lives in the state directory and is not part of this module.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints
from urllib.parse import SplitResult, urlsplit

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]
Natural = Annotated[int, msgspec.Meta(ge=1)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
Text20 = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every table of the file."""


class Station(Section, frozen=True):
    """`[station]`: who this charger is."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=48)]
    vendor: Text20
    model: Text20
    serial: Annotated[str, msgspec.Meta(max_length=25)] = ""
    current_max_a: Positive | None = None
    """Supply limit shared by all EVSEs together, per phase; None: only the EVSEs' own limits."""
    prices: bool = False
    """Something shows the prices and costs that the CSMS tells (`chargepoint status` does)."""


class Paths(Section, frozen=True):
    """`[paths]`: relative paths are taken from the directory of the file."""

    state_dir: str = "/var/lib/chargepoint"
    run_dir: str = "/run/chargepoint"


class System(Section, frozen=True):
    """`[system]`"""

    reboot: Literal["restart", "host"] = "restart"
    """What a hard reset restarts: the programs or the whole host."""


class Log(Section, frozen=True):
    """`[log]`"""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"


PROXY_OF_ENVIRONMENT = "environment"


class Csms(Section, frozen=True):
    """`[csms]`: the central system; leave the section out for a station that works alone."""

    url: str = ""
    """ws:// or wss://; the identity is appended unless `url_has_identity`."""
    urls: tuple[str, ...] = ()
    """Further ones, or all of them, in order of preference: the next is tried when one fails."""
    return_after_s: Annotated[float, msgspec.Meta(ge=0)] = 1800.0
    """Stay at another than the first before the first is tried again; 0: until it fails."""
    proxy: str = ""
    """`http://host:port` of an HTTP proxy, `environment` for that of the environment, or none."""
    proxy_user: str = ""
    proxy_password: str = ""
    versions: tuple[Literal["1.6", "2.0.1", "2.1"], ...] = ("1.6",)
    identity: str = ""
    """Identity towards the CSMS; empty: `station.id`."""
    url_has_identity: bool = False
    security_profile: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0
    password: str = ""
    """AuthorizationKey to begin with; one that the CSMS sets wins."""
    key_form: Literal["auto", "text", "hex"] = "auto"
    """What a key of 32 to 40 hex digits means: itself, the bytes it spells, or both in turns."""
    ca_file: str = ""
    system_roots: bool = True
    """Trust the root certificates of the system too; a `ca_file` takes their place."""
    wildcards: bool = True
    """Take a certificate of the CSMS for `*.example.com`."""
    one_root: bool = False
    """A new root certificate of the CSMS must be signed by the present one."""
    client_cert: str = ""
    client_key: str = ""
    boot_on_reconnect: bool = False
    """Send BootNotification after every reconnect, for a CSMS that needs it."""
    retry_wait_min_s: Positive = 3.0
    """First wait before reconnecting; doubled with each failure, plus a random part."""
    retry_random_range_s: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    retry_doublings: Annotated[int, msgspec.Meta(ge=0, le=10)] = 4
    unanswered_max: Natural = 5
    """Unanswered calls in a row after which the link is given up and reconnected."""
    charge_before_accepted: bool = False
    """Local rules may start charging before this CSMS has ever accepted the station (B6)."""
    remote_start_needs_vehicle: bool = False
    milliseconds: bool = True
    """Whether times to the CSMS carry milliseconds."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """All URLs in order of preference."""
        return tuple(dict.fromkeys(each for each in (self.url, *self.urls) if each))


RTU_UNIT_MAX = 247
"""Highest address on a serial Modbus line; those above are reserved."""


class Bus(Section, frozen=True):
    """`[[bus]]`: a line or network path to devices.

    A relative `port` is a link in `paths.run_dir` (where the simulator puts its lines).
    """

    name: Name
    kind: Literal["modbus-rtu", "modbus-tcp", "serial"]
    port: str = ""
    baud: Annotated[int, msgspec.Meta(ge=1200, le=921600)] = 19200
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    host: str = ""
    tcp_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 502
    timeout_max_s: Annotated[float, msgspec.Meta(ge=0.01, le=5)] = 0.2
    """Longest wait for a reply; shorter once the device's usual latency is known."""


class Device(Section, frozen=True):
    """`[[device]]`: one device on a bus."""

    name: Name
    driver: Name
    """`pilot-board`, `relay-contactor`, `simple-evse`, `openevse`, `bender-cc6`, `phoenix-ev-cc`,
    `relay-board`, `meter`, `rfid-text`, `pn532`."""
    bus: Name
    unit: Annotated[int, msgspec.Meta(ge=1, le=255)] = 1
    """1 to 247; Modbus TCP devices may also want up to 255."""
    map: str = ""
    """Register map: a name from `hal/devices` or a path to a TOML file."""
    options: dict[str, Any] = {}
    """Settings of the driver, described with it."""


class Evse(Section, frozen=True):
    """`[[evse]]`: one EVSE with one connector."""

    id: Natural
    board: Name
    """Device that has the control pilot and the contactor."""
    meter: str = ""
    reader: str = ""
    """Reader that serves this EVSE; several EVSEs may share one."""
    phases: Literal[1, 3] = 3
    current_max_a: Annotated[float, msgspec.Meta(ge=6, le=80)] = 32.0
    connector: Literal["socket", "cable"] = "cable"
    """A socket outlet reads the cable rating and may lock; a fixed cable does neither."""
    current_min_a: Annotated[float, msgspec.Meta(ge=6, le=16)] = 6.0
    """Less is not offered but paused; some three-phase vehicles do not start at 6 A."""
    phase_rotation: Literal["", "RST", "RTS", "SRT", "STR", "TRS", "TSR"] = ""
    """Supply phases behind the connector's L1, L2, L3; for one phase the first letter counts."""
    phase_switching: bool = False
    """Switch between one and three phases where the board can; see docs/known-limits.md."""
    simplified_pilot: Literal["limit", "refuse"] = "limit"
    """A vehicle without S2 (A.2.3): offer it 10 A at most, or nothing."""
    wake_up: bool = True
    """Show state F once to a vehicle that does not ask for the current it is offered (A.5.3)."""
    rcd_test: bool = True
    """Test the residual-current monitor before each session, where the board can."""
    meter_behind_contactor: bool = False
    """The meter sees the vehicle's side: voltage while the contactor is open means it is welded."""
    meter_lost: Literal["stop", "continue"] = "stop"
    """Without its meter: start nothing and end what runs, or charge on where nobody is billed."""
    meter_lost_stop_s: Annotated[float, msgspec.Meta(ge=10, le=86400)] = 300.0
    """A transaction may go on without its meter for so long, where `meter_lost` is `stop`."""
    ventilated: bool = False
    """State D may be served."""
    voltage_v: Positive = 230.0
    """Nominal phase voltage, for converting between W and A."""
    accept_no_watchdog: bool = False
    """Take a board that neither opens alone nor has a watchdog; shown as a standing warning."""


class Safety(Section, frozen=True):
    """`[safety]`: the defaults are those of the documentation; change them with a reason."""

    limit_lease_s: Annotated[float, msgspec.Meta(ge=2, le=60)] = 10.0
    permission_lease_s: Annotated[float, msgspec.Meta(ge=10, le=600)] = 120.0
    failsafe_current_a: Annotated[float, msgspec.Meta(ge=0, le=80)] = 6.0
    """Offered when the limit lease has run out; below 6 means pause."""
    tick_s: Annotated[float, msgspec.Meta(ge=0.005, le=0.1)] = 0.02
    stale_after_s: Annotated[float, msgspec.Meta(ge=0.05, le=2)] = 0.25
    """Age at which a safety reading counts as missing: the contactor opens."""
    ramp_down_s: Annotated[float, msgspec.Meta(ge=3, le=30)] = 6.0
    """Time a vehicle gets to stop by itself after the oscillator went off."""
    reclose_wait_s: Annotated[float, msgspec.Meta(ge=1, le=300)] = 5.0
    over_current_grace_s: Annotated[float, msgspec.Meta(ge=1, le=30)] = 7.0
    closing_pause_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0
    """Least time between two closings; 10 s spares some contactors."""
    retry_waits_s: Annotated[tuple[Positive, ...], msgspec.Meta(min_length=1, max_length=6)] = (
        30.0,
        60.0,
        300.0,
    )
    """How long a fault that may be tried again must be good, the first time, the second, …; then
    it takes unplugging or service."""
    temperature_warn_c: Annotated[float, msgspec.Meta(ge=30, le=110)] = 60.0
    temperature_derate_c: Annotated[float, msgspec.Meta(ge=30, le=110)] = 65.0
    temperature_pause_c: Annotated[float, msgspec.Meta(ge=35, le=110)] = 70.0
    temperature_open_c: Annotated[float, msgspec.Meta(ge=40, le=115)] = 75.0
    temperature_hysteresis_c: Annotated[float, msgspec.Meta(ge=1, le=20)] = 4.0
    over_voltage_ratio: Annotated[float, msgspec.Meta(ge=1.05, le=1.3)] = 1.15
    under_voltage_ratio: Annotated[float, msgspec.Meta(ge=0.5, le=0.95)] = 0.8
    under_voltage_hold_s: Annotated[float, msgspec.Meta(ge=0.5, le=60)] = 3.0
    frequency_min_hz: Annotated[float, msgspec.Meta(ge=40, le=65)] = 47.5
    frequency_max_hz: Annotated[float, msgspec.Meta(ge=45, le=70)] = 51.5
    mains_good_s: Annotated[float, msgspec.Meta(ge=5, le=600)] = 60.0
    """Voltage and frequency must be in band for this long before energy is given again."""
    wake_after_s: Annotated[float, msgspec.Meta(ge=10, le=600)] = 30.0
    wake_shown_s: Annotated[float, msgspec.Meta(ge=1, le=10)] = 4.0
    wake_attempts: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    phase_switch_wait_s: Annotated[float, msgspec.Meta(ge=5, le=120)] = 15.0
    """Pilot off between phase switch and next offer, for the vehicle to let go."""
    phase_switch_every_s: Annotated[float, msgspec.Meta(ge=60, le=3600)] = 300.0
    lock_attempts: Annotated[int, msgspec.Meta(ge=1, le=10)] = 5
    signal_fault: bool = True
    """Show state F to the vehicle while a hazard inhibits; some vehicles latch an error on it."""


TEMPERATURES = (
    "temperature_warn_c",
    "temperature_derate_c",
    "temperature_pause_c",
    "temperature_open_c",
)
"""Keys of [safety] whose values must rise."""


class SimulatedVehicle(Section, frozen=True):
    """`[simulator.vehicle.N]`: the vehicle that plugs in at EVSE N."""

    battery_wh: Positive = 60_000.0
    charge_ratio: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.4
    """How full the battery is at plug-in."""
    current_max_a: Positive = 16.0
    phases: Literal[1, 3] = 3
    cable_a: Literal[13, 20, 32, 63] = 32


class Simulator(Section, frozen=True):
    """`[simulator]`: the plant that `chargepoint simulate` puts on the configured buses."""

    http: Annotated[str, msgspec.Meta(pattern=r"^[^:]+:\d+$")] = "127.0.0.1:8099"
    seed: int = 1
    speed: Positive = 1.0
    """Plant seconds per real second for energy and temperature; the wire stays in real time."""
    vehicle: dict[str, SimulatedVehicle] = {}


class Firmware(Section, frozen=True):
    """`[firmware]`: updates that the CSMS asks for."""

    installer: tuple[str, ...] = ()
    """Command that installs; `{file}` in it becomes the path of the file. Empty: none is."""
    installer_timeout_s: Annotated[float, msgspec.Meta(ge=1, le=7200)] = 900.0
    signed_only: bool = False
    """Refuse UpdateFirmware, which knows no signature."""
    root_file: str = ""
    """PEM roots of the manufacturer, besides those that the CSMS has installed."""


class Files(Section, frozen=True):
    """`[files]`: bounds of downloads and uploads."""

    size_max_mb: Annotated[float, msgspec.Meta(gt=0, le=100_000)] = 512.0
    free_min_mb: Annotated[float, msgspec.Meta(ge=0, le=100_000)] = 64.0
    """Room on the disk that is left to others."""
    speed_max_kb_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """0: as fast as it goes."""
    ca_file: str = ""
    """PEM roots for https and ftps, besides those of the CSMS and of the system."""


class Ocpp(Section, frozen=True):
    """`[ocpp]`: initial values; what the CSMS sets later wins."""

    v16: dict[str, str | int | float | bool] = {}
    v2: dict[str, dict[str, str | int | float | bool]] = {}


class Config(Section, frozen=True):
    """The whole file."""

    station: Station
    evse: tuple[Evse, ...]
    bus: tuple[Bus, ...]
    device: tuple[Device, ...]
    paths: Paths = Paths()
    system: System = System()
    log: Log = Log()
    csms: Csms | None = None
    ocpp: Ocpp = Ocpp()
    firmware: Firmware = Firmware()
    files: Files = Files()
    safety: Safety = Safety()
    simulator: Simulator = Simulator()
    source: str = ""
    """File that this was read from; set by `load`."""

    @property
    def state_dir(self) -> Path:
        return self._path(self.paths.state_dir)

    @property
    def run_dir(self) -> Path:
        return self._path(self.paths.run_dir)

    def _path(self, text: str) -> Path:
        return (Path(self.source).resolve().parent / text) if self.source else Path(text)

    def port(self, bus: Bus) -> str:
        """Path of the serial port of `bus`; relative ones live in the run directory."""
        return str(self.run_dir / bus.port)

    def device_named(self, name: str) -> Device:
        return next(device for device in self.device if device.name == name)

    def bus_named(self, name: str) -> Bus:
        return next(bus for bus in self.bus if bus.name == name)

    def safety_buses(self) -> tuple[str, ...]:
        """Buses that carry a board; each belongs whole to one safety program."""
        names = (self.device_named(evse.board).bus for evse in self.evse)
        return tuple(dict.fromkeys(names))

    def control_socket(self, bus: str) -> Path:
        """Socket on which the safety program of this bus is reached."""
        return self.run_dir / f"control-{bus}.sock"

    def agent_socket(self) -> Path:
        """Socket on which the agent answers status and service requests."""
        return self.run_dir / "agent.sock"


class Mistake(msgspec.Struct, frozen=True):
    """One thing that is wrong in a file."""

    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}" if self.key else self.problem


class ConfigError(Exception):
    """A configuration file cannot be used; `mistakes` holds all that was found."""

    def __init__(self, source: str, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(f"{source}: {mistake}" for mistake in mistakes))
        self.source = source
        self.mistakes = mistakes


def load(path: str | Path) -> Config:
    """The configuration in `path`. Raises ConfigError with every mistake found."""
    return parse(read(path), str(path))


def read(path: str | Path) -> dict[str, Any]:
    """A TOML file as it is. Raises ConfigError."""
    source = str(path)
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(source, [Mistake("", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(source, [Mistake("", f"is not UTF-8: {error}")]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(source, [Mistake("", f"is not TOML: {error}")]) from error


def parse(raw: Mapping[str, Any], source: str) -> Config:
    """`raw` TOML as a Config. Raises ConfigError with every mistake found."""
    config = checked(raw, Config, source, _contradictions)
    return msgspec.structs.replace(config, source=source)


AnySection = TypeVar("AnySection", bound=Section)


def checked(
    raw: Mapping[str, Any],
    kind: type[AnySection],
    source: str,
    contradictions: Callable[[AnySection], Iterable[Mistake]],
) -> AnySection:
    """`raw` TOML as a `kind`: each value alone, then what they contradict each other in.

    Raises ConfigError with every mistake found.
    """
    mistakes: list[Mistake] = []
    found: AnySection | None = _convert(dict(raw), kind, "", mistakes)
    if found is None:
        raise ConfigError(source, mistakes)
    mistakes.extend(contradictions(found))
    if mistakes:
        raise ConfigError(source, mistakes)
    return found


# --- Conversion that collects mistakes instead of stopping at the first ---------------------------


def _convert(raw: Any, kind: type[Section], where: str, mistakes: list[Mistake]) -> Any:
    """`raw` as a `kind`, or None with at least one more entry in `mistakes`."""
    if not isinstance(raw, dict):
        mistakes.append(Mistake(where, f"found {_shown(raw)}, expected a table"))
        return None
    before = len(mistakes)
    types = get_type_hints(kind, include_extras=True)
    for key in raw:
        if key not in types or key == "source":
            mistakes.append(Mistake(_join(where, key), f"unknown key{_suggestion(key, types)}"))
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if field.name in raw:
            place = _join(where, field.name)
            values[field.name] = _value(raw[field.name], types[field.name], place, mistakes)
        elif field.required:
            mistakes.append(Mistake(_join(where, field.name), "missing, but required"))
    return kind(**values) if len(mistakes) == before else None


def _value(raw: Any, kind: Any, where: str, mistakes: list[Mistake]) -> Any:
    section = _section(kind)
    if section is None:
        return _plain(raw, kind, where, mistakes)
    element, container = section
    if container is tuple:
        if not isinstance(raw, list):
            mistakes.append(Mistake(where, f"found {_shown(raw)}, expected [[{where}]] tables"))
            return None
        return tuple(
            _convert(item, element, f"{where}.{number}", mistakes)
            for number, item in enumerate(raw, start=1)
        )
    if container is dict:
        if not isinstance(raw, dict):
            mistakes.append(Mistake(where, f"found {_shown(raw)}, expected a table of tables"))
            return None
        return {key: _convert(raw[key], element, f"{where}.{key}", mistakes) for key in raw}
    return _convert(raw, element, where, mistakes)


def _plain(raw: Any, kind: Any, where: str, mistakes: list[Mistake]) -> Any:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        place = where + path.rstrip("`")
        if problem.startswith("Invalid enum value"):
            problem = f"expected one of {', '.join(map(repr, _choices(kind)))}"
        mistakes.append(Mistake(place, f"found {_shown(raw)}; {problem[0].lower()}{problem[1:]}"))
        return None


def _choices(kind: Any) -> list[Any]:
    """The literals that `kind` allows, also inside a tuple."""
    found: list[Any] = []
    for argument in get_args(kind):
        found += [argument] if isinstance(argument, (str, int)) else _choices(argument)
    return found


def _section(kind: Any) -> tuple[type[Section], type | None] | None:
    """The Section inside `kind` and what contains it: a tuple, a dict or nothing."""
    if isinstance(kind, type) and issubclass(kind, Section):
        return kind, None
    for argument in get_args(kind):
        if isinstance(argument, type) and issubclass(argument, Section):
            origin = getattr(kind, "__origin__", None)
            return argument, origin if origin in (tuple, dict) else None
    return None


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _shown(raw: Any) -> str:
    text = repr(raw)
    return text if len(text) <= 60 else text[:57] + "..."


def _suggestion(key: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


# --- Contradictions between values that are each legal --------------------------------------------


def _contradictions(config: Config) -> Iterator[Mistake]:
    yield from _duplicates("bus", "name", [bus.name for bus in config.bus])
    yield from _duplicates("device", "name", [device.name for device in config.device])
    yield from _duplicates("evse", "id", [str(evse.id) for evse in config.evse])
    yield from _references(config)
    yield from _addresses(config)
    yield from _numbering(config)
    yield from _relay_contactors(config)
    if config.csms is not None:
        yield from _csms(config.csms)
    safety = config.safety
    yield from _ascending(safety, TEMPERATURES)
    yield from _ascending(safety, ("frequency_min_hz", "frequency_max_hz"))


def _ascending(safety: Safety, keys: tuple[str, ...]) -> Iterator[Mistake]:
    for lower, higher in pairwise(keys):
        if getattr(safety, lower) >= getattr(safety, higher):
            yield Mistake(
                f"safety.{higher}",
                f"found {getattr(safety, higher)}, expected more than {lower} "
                f"({getattr(safety, lower)})",
            )


def _duplicates(table: str, key: str, values: list[str]) -> Iterator[Mistake]:
    for number, value in enumerate(values, start=1):
        if value in values[: number - 1]:
            yield Mistake(f"{table}.{number}.{key}", f"`{value}` is used before")


def _references(config: Config) -> Iterator[Mistake]:
    buses = {bus.name for bus in config.bus}
    devices = {device.name for device in config.device}
    for number, device in enumerate(config.device, start=1):
        if device.bus not in buses:
            yield _unknown(f"device.{number}.bus", device.bus, buses)
    for number, evse in enumerate(config.evse, start=1):
        for key, name in (("board", evse.board), ("meter", evse.meter), ("reader", evse.reader)):
            if name and name not in devices:
                yield _unknown(f"evse.{number}.{key}", name, devices)
    ids = {str(evse.id) for evse in config.evse}
    for vehicle in config.simulator.vehicle:
        if vehicle not in ids:
            yield _unknown(f"simulator.vehicle.{vehicle}", vehicle, ids)


def _unknown(key: str, name: str, known: set[str]) -> Mistake:
    return Mistake(key, f"no such name: `{name}`; expected one of {', '.join(sorted(known))}")


def _addresses(config: Config) -> Iterator[Mistake]:
    seen: dict[tuple[str, int], str] = {}
    for number, device in enumerate(config.device, start=1):
        bus = next((bus for bus in config.bus if bus.name == device.bus), None)
        if bus is None:
            continue
        if bus.kind == "modbus-rtu" and device.unit > RTU_UNIT_MAX:
            yield Mistake(
                f"device.{number}.unit", f"found {device.unit}, expected 1 to {RTU_UNIT_MAX} on RTU"
            )
        place = (bus.name, device.unit if bus.kind != "serial" else 0)
        if place in seen:
            shared = "address" if bus.kind != "serial" else "serial line"
            yield Mistake(f"device.{number}.unit", f"same {shared} as `{seen[place]}`")
        seen[place] = device.name
    for number, bus in enumerate(config.bus, start=1):
        needed = "host" if bus.kind == "modbus-tcp" else "port"
        if not getattr(bus, needed):
            yield Mistake(f"bus.{number}.{needed}", f"missing, but required for {bus.kind}")


def _numbering(config: Config) -> Iterator[Mistake]:
    if not config.evse:
        yield Mistake("evse", "no [[evse]] table; expected at least one")
        return
    ids = sorted(evse.id for evse in config.evse)
    if len(set(ids)) == len(ids) and ids != list(range(1, len(ids) + 1)):
        yield Mistake("evse", f"ids are {ids}; expected 1 to {len(ids)} without gaps")
    boards = [evse.board for evse in config.evse]
    yield from _duplicates("evse", "board", boards)


def _relay_contactors(config: Config) -> Iterator[Mistake]:
    """Each is built around a pilot board of the same bus, which serves nothing else."""
    users = {evse.board: f"EVSE {evse.id}" for evse in config.evse}
    for number, device in enumerate(config.device, start=1):
        if device.driver != "relay-contactor":
            continue
        key, pilot = f"device.{number}.options.pilot", device.options.get("pilot", "")
        boards = {one.name: one for one in config.device if one.driver == "pilot-board"}
        if pilot not in boards:
            names = ", ".join(sorted(boards)) or "none is there"
            yield Mistake(key, f"found {_shown(pilot)}, expected a pilot-board device: {names}")
        elif boards[pilot].bus != device.bus:
            yield Mistake(key, f"`{pilot}` is on bus `{boards[pilot].bus}`, not `{device.bus}`")
        elif pilot in users:
            yield Mistake(key, f"`{pilot}` belongs to {users[pilot]} already")
        else:
            users[pilot] = f"`{device.name}`"


def _csms(csms: Csms) -> Iterator[Mistake]:
    if not csms.addresses:
        yield Mistake("csms.url", "missing; expected ws://host/path or wss://host/path")
    for number, url in enumerate((csms.url, *csms.urls)):
        if url:
            yield from _csms_url(f"csms.urls.{number}" if number else "csms.url", url, csms)
    yield from _proxy(csms)
    if csms.security_profile in (1, 2) and not csms.password:
        yield Mistake(
            "csms.password", f"missing; security_profile {csms.security_profile} needs it"
        )
    if csms.security_profile == 3 and not (csms.client_cert and csms.client_key):
        yield Mistake("csms.client_cert", "security_profile 3 needs client_cert and client_key")
    if not csms.versions:
        yield Mistake("csms.versions", "is empty; expected at least one of 1.6, 2.0.1, 2.1")


def _csms_url(key: str, url: str, csms: Csms) -> Iterator[Mistake]:
    parts = _split(url)
    if parts is None or parts.scheme not in ("ws", "wss") or not parts.hostname:
        yield Mistake(key, f"found `{url}`, expected ws://host/path or wss://host/path")
        return
    if parts.username or parts.password:
        yield Mistake(key, "holds credentials; put the password into csms.password")
    if csms.security_profile in (2, 3) and parts.scheme == "ws":
        yield Mistake(key, f"security_profile {csms.security_profile} needs wss://")


def _proxy(csms: Csms) -> Iterator[Mistake]:
    named = csms.proxy and csms.proxy != PROXY_OF_ENVIRONMENT
    if csms.proxy_user and not named:
        yield Mistake("csms.proxy_user", "there is no csms.proxy of its own to log in to")
    if not named:
        return
    parts = _split(csms.proxy)
    if parts is None or parts.scheme != "http" or not parts.hostname or parts.path.strip("/"):
        wanted = f"http://host:port or `{PROXY_OF_ENVIRONMENT}`"
        yield Mistake("csms.proxy", f"is not usable; expected {wanted}")
    elif parts.username or parts.password:
        yield Mistake("csms.proxy", "holds credentials; use csms.proxy_user and proxy_password")


def _split(url: str) -> SplitResult | None:
    """The parts of a URL; None for one that cannot be taken apart, such as a port of 99999."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts
