"""What a report says of a run, taken from the run's own record (`run.json`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEPT = ("dataset", "sequence", "version", "date", "mode", "device", "generated")


def facts_of_run(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that `write_report` takes, in words where the record has structure.

    Args:
        run: The content of `run.json`, or the part of it that is known so far: `profile`
            (a mapping, with `spacing_um`), `reasons` (of a profile derived from the data;
            else empty), `weights` (by role), `seconds` (by stage, or their sum), and texts.
    """
    facts = {key: run[key] for key in _KEPT if key in run}
    if "profile" in run:
        facts["profile"] = "auto" if run.get("reasons") else run["profile"]["dataset"]
        if "spacing_um" in run["profile"]:
            facts["spacing_um"] = tuple(run["profile"]["spacing_um"])
    if "weights" in run:
        names = ", ".join(entry["name"] for entry in run["weights"].values())
        facts["weights"] = names or "none (overlap)"
    if "seconds" in run:
        seconds = run["seconds"]
        facts["seconds"] = sum(seconds.values()) if isinstance(seconds, Mapping) else seconds
    return facts
