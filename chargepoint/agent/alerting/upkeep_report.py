"""What goes along with an e-mail about maintenance: everything that is looked after, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from chargepoint.catalog import phrase
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


def _row(item: MaintenanceItem, language: str) -> str:
    name = item.task.partition("/")[0]
    cells = (
        phrase(f"task.{name}", language, evse=item.evse),
        phrase(f"maintenance.{item.state}", language),
        f"{item.used:g}",
        f"{item.limit:g}",
        item.due_at,
        item.detail,
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
