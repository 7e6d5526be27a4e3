"""The HTML, style and scripts of the review view, as parts of the report's page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

DATA, END = '<script type="application/json" id="questions">', "</script>"
"""Around the data in the page."""
SCRIPTS = ("answers.js", "drawn.js", "desk.js", "server.js", "review.js")


@dataclass(frozen=True)
class Parts:
    """What the view adds to the page; all empty where there is no question."""

    tabs: str = ""
    overview: str = ""
    """Begins the other view, which `section` ends."""
    section: str = ""
    style: str = ""
    data: str = ""
    script: str = ""
    connect: str = ""
    """What the page may connect to, as a part of its security policy."""


def parts_of(data: Mapping[str, Any]) -> Parts:
    """Return the parts of the view.

    Args:
        data: Of `review_data`; without questions there is no view.
    """
    if not data.get("questions"):
        return Parts()
    return Parts(
        tabs=_asset("tabs.html"),
        overview='<div id="overview" role="tabpanel" aria-labelledby="tab-overview">\n',
        section=f"</div>\n{_asset('section.html')}",
        style=_asset("section.css"),
        data=f"{DATA}{json_text(data)}{END}\n",
        script="".join(_asset(name) for name in SCRIPTS),
        connect="; connect-src 'self'" if "served" in data else "",
    )


def with_data(page: str, data: Mapping[str, Any]) -> str:
    """Return a page with other data of its review view."""
    before, after = page.split(DATA, 1)
    return f"{before}{DATA}{json_text(data)}{END}{after.split(END, 1)[1]}"


def json_text(data: Mapping[str, Any]) -> str:
    """Return JSON in which no text can end the script element that holds it."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _asset(name: str) -> str:
    return files("sam4ct.report.review").joinpath("assets", name).read_text(encoding="utf-8")
