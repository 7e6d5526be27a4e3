"""sam4ct: links cells over time with SAM 2, in Cell Tracking Challenge folders or in arrays.

In Python: `sam4ct.link(images, masks)` returns a `sam4ct.Tracking`, and
`sam4ct.evaluate(tracking, truth)` its scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sam4ct.pipelines.arrays import Tracking, evaluate, link

__version__ = "0.1.0"
__all__ = ["Tracking", "__version__", "evaluate", "link"]


def __getattr__(name: str) -> Any:
    """Load what users call when they ask for it: the command line starts without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sam4ct.pipelines import arrays

    return getattr(arrays, name)
