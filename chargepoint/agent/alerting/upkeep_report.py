"""What goes along with an e-mail about maintenance: everything that is looked after, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from chargepoint.catalog import phrase
from chargepoint.catalog.details import Detail, detail
from chargepoint.ipc.care import MaintenanceItem

ABOUT = ("maintenance_due", "maintenance_overdue", "contactor_worn")
"""Conditions that it is about."""

STYLE = "table{border-collapse:collapse}td,th{border:1px solid;padding:.3em .6em;text-align:left}"
COLUMNS = ("task", "state", "used", "limit", "due", "detail")


def report(station: str, at: str, items: Sequence[MaintenanceItem], language: str) -> str:
    """One page; `at` is the time in words."""

    def say(key: str, **fields: object) -> str:
        return escape(phrase(f"alert.report.{key}", language, **fields))

    title = say("title", station=station)
    head = "".join(f"<th scope=col>{say(column)}</th>" for column in COLUMNS)
    rows = "".join(_row(item, language) for item in items)
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style><h1>{title}</h1><p>{escape(at)}</p>"
        f"<table><tr>{head}</tr>{rows}</table></html>"
    )


def item_detail(item: MaintenanceItem) -> Detail:
    """Where it stands, in every language."""
    if item.kind == "interval":
        return detail("visit", due_at=item.due_at) if item.due_at else detail("no_date")
    if item.task.startswith("closing_time"):
        return detail("closing_time", slower_ms=item.used * 1000, limit_ms=item.limit * 1000)
    if item.due_at:
        return detail("life_until", used=item.used, limit=item.limit, due_at=item.due_at)
    return detail("life", used=item.used, limit=item.limit)


def _row(item: MaintenanceItem, language: str) -> str:
    name = item.task.partition("/")[0]
    cells = (
        phrase(f"task.{name}", language, evse=item.evse),
        phrase(f"maintenance.{item.state}", language),
        f"{item.used:g}",
        f"{item.limit:g}",
        item.due_at,
        item_detail(item).text(language),
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
