"""The owner's area as a page: one document; what it shows comes from the API."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chargepoint.web.context import Context
from chargepoint.web.driver_page import page


def routes(context: Context) -> list[Route]:
    """`/owner`, for everybody: without a login it shows nothing but the way to log in."""

    async def owner(request: Request) -> Response:
        return page(
            "owner.html",
            request,
            context,
            station=context.config.station.id,
            driver_page=context.web.driver_page,
        )

    return [Route("/owner", owner)]
