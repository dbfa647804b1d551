"""What the file says of the charger itself: identity, CSMS, buses, devices, EVSEs, safety."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from chargepoint.config.alerts import Alerts
from chargepoint.config.cards import Cards
from chargepoint.config.people import Maintenance, Mqtt, Site, Web
from chargepoint.config.reading import Name, Natural, Positive, Section, Text20
from chargepoint.config.tariff import Tariff


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
    site: Site = Site()
    tariff: Tariff | None = None
    alerts: Alerts = Alerts()
    web: Web | None = None
    mqtt: Mqtt | None = None
    maintenance: Maintenance = Maintenance()
    cards: Cards = Cards()
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


def split_url(url: str) -> SplitResult | None:
    """The parts of a URL; None for one that cannot be taken apart, such as a port of 99999."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts
