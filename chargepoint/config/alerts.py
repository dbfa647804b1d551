"""`[alerts]`: who is told when something is wrong, on which way, and when not."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from chargepoint.config.reading import Name, Natural, NotNegative, Positive, Section

REMIND_MIN_H = 0.25
"""More often would use up the day's messages on what is known."""

Severity = Literal["info", "warning", "error", "critical"]
ChannelName = Literal["sms", "email", "webhook", "ntfy", "mqtt", "apprise"]
Role = Literal["operator", "technician", "service_partner", "driver"]
Language = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z]{2}$", description="a language of two letters, such as de")
]
Hours = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$",
        description="hours such as 22:00-06:00",
    ),
]
"""`22:00-06:00`, local time of the host; empty: never."""

PhoneNumber = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^$|^\+[1-9]\d{5,14}$", description="a number such as +4915112345678, no spaces"
    ),
]
"""International form, `+4915112345678`."""

Url = Annotated[
    str,
    msgspec.Meta(pattern=r"^$|^https?://[^\s/]+", description="http://host/… or https://host/…"),
]
EmailAddress = Annotated[
    str, msgspec.Meta(pattern=r"^$|^[^@\s]+@[^@\s]+$", description="an address: name@host")
]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Contact(Section, frozen=True):
    """`[[alerts.contact]]`: one person or desk. An address makes its channel usable."""

    name: Name
    role: Role = "operator"
    language: Language | None = None
    """None: `alerts.language`."""
    email: EmailAddress = ""
    sms: PhoneNumber = ""
    webhook: Url = ""
    ntfy: Url = ""
    """Address of a topic, `https://ntfy.example/charger-7`."""
    mqtt: bool = False
    """Alerts are published under `[mqtt]`, below the contact's name."""
    apprise: tuple[str, ...] = ()
    """URLs of the Apprise library, for everything else; needs the extra `apprise`."""
    channels: tuple[ChannelName, ...] = ()
    """Those that are used, out of those with an address; empty: all."""
    severity_min: Severity = "warning"
    cleared: bool = True
    """Also told when it is over."""
    conditions: tuple[str, ...] = ()
    """Only these catalogue ids; empty: what concerns the role."""
    quiet_hours: Hours = ""
    quiet_severity: Severity = "critical"
    """Comes through in quiet hours all the same; the rest waits for their end."""
    escalation: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0
    """0 is told at once; 1, 2, … when the step before has not acknowledged in time."""


class AlertRule(Section, frozen=True):
    """`[alerts.rule."ID"]`: another treatment of one condition than the built-in one."""

    enabled: bool = True
    raise_after_s: NotNegative | None = None
    """Must hold for so long first."""
    clear_after_s: NotNegative | None = None
    """Must be gone for so long first."""
    severity: Severity | None = None
    escalate: bool | None = None
    limit_c: float | None = None
    """From where on it holds; which condition has which of these says `alert_limits`."""
    limit_count: float | None = None
    limit_days: float | None = None
    limit_h: float | None = None
    limit_mb: float | None = None
    limit_min: float | None = None
    limit_ratio: float | None = None
    limit_s: float | None = None


class Email(Section, frozen=True):
    """`[alerts.email]`: the SMTP server, and where replies are read."""

    server: Annotated[str, msgspec.Meta(min_length=1)]
    sender: Annotated[
        str, msgspec.Meta(pattern=r"^[^@\s]+@[^@\s]+$", description="an address: name@host")
    ]
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""
    ca_file: str = ""
    reply_server: str = ""
    """IMAP server of the sender's mailbox, in which replies acknowledge alerts; empty: none."""
    reply_port: Port = 993
    reply_security: Literal["tls", "starttls", "none"] = "tls"
    reply_user: str = ""
    reply_password: str = ""
    reply_every_s: Annotated[float, msgspec.Meta(ge=10)] = 120.0


class Modem(Section, frozen=True):
    """`[alerts.modem]`: a GSM modem on a serial bus, for SMS."""

    bus: Name
    """A [[bus]] of kind serial that serves nothing else."""
    pin: Annotated[
        str, msgspec.Meta(pattern=r"^$|^\d{4,8}$", description="4 to 8 digits between quotes")
    ] = ""
    smsc: PhoneNumber = ""
    """Only where the SIM does not know its message centre."""
    delivery_reports: bool = True
    sim_expires: str = ""
    """ISO date at which card or contract ends, for a warning in time."""


class Webhook(Section, frozen=True):
    """`[alerts.webhook]`"""

    secret: str = ""
    """Signs each body with HMAC-SHA256; the header is described in docs/alerts.md."""
    ca_file: str = ""
    timeout_s: Annotated[float, msgspec.Meta(ge=1, le=60)] = 10.0


class Signal(Section, frozen=True):
    """`[alerts.signal]`: buzzer and lamp on coils of a Modbus device."""

    bus: Name
    unit: Annotated[int, msgspec.Meta(ge=1, le=247)]
    lamp_coil: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
    buzzer_coil: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
    buzzer_severity: Severity = "critical"
    lamp_severity: Severity = "warning"
    buzzer_quiet_hours: Hours = ""
    buzzer_max_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 120.0


class DeadMan(Section, frozen=True):
    """`[alerts.dead_man]`: a sign of life to a service that raises the alarm when it stops."""

    url: Annotated[
        str,
        msgspec.Meta(pattern=r"^https?://[^\s/]+", description="http://host/… or https://host/…"),
    ]
    every_s: Annotated[float, msgspec.Meta(ge=10, le=86400)] = 300.0


class ToCsms(Section, frozen=True):
    """`[alerts.csms]`: alerts that no StatusNotification tells, as DataTransfer."""

    vendor_id: Annotated[str, msgspec.Meta(max_length=255)] = ""
    """Empty: none is sent."""
    severity_min: Severity = "warning"


class Limits(Section, frozen=True):
    """`[alerts.limits]`: at most so many messages, per contact and channel."""

    sms_per_minute: Positive = 1.0
    sms_per_day: Natural = 20
    per_minute: Positive = 6.0
    per_day: Natural = 200
    expire_h: Positive = 24.0
    """A message that could not be sent for so long is given up."""


class Alerts(Section, frozen=True):
    """`[alerts]`: without any contact alerts are listed, shown and signalled all the same."""

    language: Language = "en"
    escalate_after_min: Positive = 30.0
    """Without acknowledgement, to the next step of contacts."""
    remind_after_h: NotNegative = 24.0
    """Faults that nobody acknowledges are told again each time; 0: never, else REMIND_MIN_H on."""
    contact: tuple[Contact, ...] = ()
    rule: dict[str, AlertRule] = {}
    limits: Limits = Limits()
    email: Email | None = None
    modem: Modem | None = None
    webhook: Webhook = Webhook()
    signal: Signal | None = None
    dead_man: DeadMan | None = None
    csms: ToCsms = ToCsms()
