"""What can go wrong between us and a device.

    DeviceError                 names the device, the request and what came back
    ├── NoReply                 nothing (or only noise) before the deadline
    ├── BadReply                bytes came, but not the answer to our request
    ├── DeviceRefused           the device answered with an exception code
    ├── DeviceSkipped           the breaker is open: the device was not asked at all
    └── BusDown                 the port or socket itself is gone

A shell turns these into values (a missing reading, a fault, an event); the pure cores never see
an exception from below. `ConfigurationError`, by contrast, is raised while a device is being built
and ends the start with a message for the installer.
"""

from __future__ import annotations


class DeviceError(Exception):
    """A device or its bus did not do what was asked.

    `device` is the configured name, `request` a short text such as `read input 0+8`, `detail`
    what came instead.
    """

    def __init__(self, device: str, request: str, detail: str) -> None:
        super().__init__(f"{device}: {request}: {detail}")
        self.device = device
        self.request = request
        self.detail = detail


class NoReply(DeviceError):
    """Nothing usable came before the deadline."""


class BadReply(DeviceError):
    """Bytes came, but they are not the answer to this request."""


class DeviceRefused(DeviceError):
    """The device answered with a Modbus exception code or an equivalent refusal."""

    def __init__(self, device: str, request: str, detail: str, code: int) -> None:
        super().__init__(device, request, detail)
        self.code = code


class DeviceSkipped(DeviceError):
    """The circuit breaker of this device is open; nothing was sent."""


class BusDown(DeviceError):
    """The port or socket is closed, missing or failing."""


class ConfigurationError(Exception):
    """A device cannot be built from its configuration; says where, what was found and expected."""
