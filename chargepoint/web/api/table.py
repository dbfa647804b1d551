"""All endpoints of the owner's area, and the document about them and the driver's page."""

from __future__ import annotations

from typing import Any

from chargepoint.web.api.alerts import Alerts
from chargepoint.web.api.books import Books
from chargepoint.web.api.cards import Cards
from chargepoint.web.api.doctor import Doctor
from chargepoint.web.api.endpoint import Access, Call, Endpoint
from chargepoint.web.api.logins import Logins
from chargepoint.web.api.logs import Logs
from chargepoint.web.api.openapi import document
from chargepoint.web.api.service import Service
from chargepoint.web.api.station import StationApi
from chargepoint.web.driver import described


def endpoints() -> list[Endpoint]:
    """The whole table."""
    themes = (Logins(), StationApi(), Books(), Cards(), Alerts(), Service(), Doctor(), Logs())
    found = [endpoint for theme in themes for endpoint in theme.endpoints()]

    async def openapi(call: Call) -> Any:
        return document([*found, *described()])

    found.append(
        Endpoint(
            method="GET",
            path="/api/openapi.json",
            handler=openapi,
            summary="This document",
            access=Access.ANYBODY,
            answer=dict[str, Any],
        )
    )
    return found
