"""The broker, the mail servers and webhooks: contradictions, and what is legal but seldom meant."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from chargepoint.config.alerts import Email
from chargepoint.config.people import Mqtt
from chargepoint.config.reading import Mistake, shown
from chargepoint.config.station_file import Config

MQTT_PORT, MQTT_TLS_PORT = 1883, 8883
SMTPS_PORT, SUBMISSION_PORT = 465, 587
SECRET_LENGTH = 16
HERE = ("localhost", "127.0.0.1", "::1")


def contradictions(config: Config) -> Iterator[Mistake]:
    """What cannot be true together in `[mqtt]` and `[alerts.email]`."""
    if config.mqtt is not None:
        yield from _mqtt(config.mqtt)
    if config.alerts.email is not None:
        yield from _email(config.alerts.email)


def advice(config: Config) -> Iterator[str]:
    """What works somewhere, but is usually a slip."""
    if config.mqtt is not None:
        yield from _mqtt_advice(config.mqtt)
    if config.alerts.email is not None:
        yield from _email_advice(config.alerts.email)
    yield from _webhook_advice(config)


def _mqtt(mqtt: Mqtt) -> Iterator[Mistake]:
    yield from _host("mqtt.host", mqtt.host)
    if any(char in mqtt.discovery for char in "#+ "):
        yield Mistake(
            "mqtt.discovery",
            f"found {shown(mqtt.discovery)}, expected a topic without #, + and spaces",
        )
    if mqtt.password and not mqtt.user:
        yield Mistake("mqtt.user", "missing, but mqtt.password is set")
    if mqtt.ca_file and not mqtt.tls:
        yield Mistake("mqtt.ca_file", "has no effect without mqtt.tls = true")


def _email(email: Email) -> Iterator[Mistake]:
    key = "alerts.email"
    yield from _host(f"{key}.server", email.server)
    yield from _host(f"{key}.reply_server", email.reply_server)
    if email.password and not email.user:
        yield Mistake(f"{key}.user", f"missing, but {key}.password is set")
    if email.ca_file and "none" == email.security == email.reply_security:
        yield Mistake(f"{key}.ca_file", "has no effect with security none")
    if email.reply_server and not (email.reply_user and email.reply_password):
        yield Mistake(f"{key}.reply_user", f"{key}.reply_server needs reply_user, reply_password")


def _host(key: str, host: str) -> Iterator[Mistake]:
    """A name or an address alone: port and TLS stand in keys of their own."""
    if "/" in host or host.count(":") == 1 or host != host.strip():
        yield Mistake(key, f"found {shown(host)}, expected a name or an address, nothing else")


def _mqtt_advice(mqtt: Mqtt) -> Iterator[str]:
    if mqtt.port == MQTT_TLS_PORT and not mqtt.tls:
        yield f"mqtt: {MQTT_TLS_PORT} is the usual port of TLS; set tls = true"
    if mqtt.port == MQTT_PORT and mqtt.tls:
        yield f"mqtt: {MQTT_PORT} is the usual port without TLS; with it, {MQTT_TLS_PORT} is"
    if mqtt.password and not mqtt.tls and mqtt.host not in HERE:
        yield "mqtt: the password can be read on the way without tls"
    if mqtt.commands and not mqtt.user:
        yield "mqtt: commands without a user: whoever reaches the broker can set things"


def _email_advice(email: Email) -> Iterator[str]:
    if email.port == SMTPS_PORT and email.security != "tls":
        yield f'alerts.email: {SMTPS_PORT} is the usual port of security = "tls"'
    if email.port == SUBMISSION_PORT and email.security == "tls":
        yield f'alerts.email: {SUBMISSION_PORT} is the usual port of security = "starttls"'
    if email.password and email.security == "none" and email.server not in HERE:
        yield "alerts.email: the password can be read on the way with security none"
    if email.reply_server not in ("", *HERE) and email.reply_security == "none":
        yield "alerts.email: the mailbox's password can be read on the way with reply_security none"


def _webhook_advice(config: Config) -> Iterator[str]:
    """Whether a receiver can tell our messages from others."""
    secret = config.alerts.webhook.secret
    if secret and len(secret) < SECRET_LENGTH:
        yield f"alerts.webhook.secret: shorter than {SECRET_LENGTH} characters, it may be guessed"
    for contact in config.alerts.contact:
        if contact.webhook and not secret and urlsplit(contact.webhook).hostname not in HERE:
            yield (
                f"alerts.contact: messages to the webhook of `{contact.name}` carry no signature; "
                "set alerts.webhook.secret"
            )
