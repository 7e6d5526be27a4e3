"""Build the network of a manifest entry, with random weights.

If a package refuses a configuration, its error becomes a WeightsError. The packages are imported
inside the functions, because that takes seconds.
"""

from __future__ import annotations

from typing import Any

from sam4ct.errors import WeightsError
from sam4ct.models.weights.entry import Entry


def build(entry: Entry) -> Any:
    """Build the network of an entry, on the CPU, in evaluation mode.

    Raises:
        WeightsError: Its package cannot build what the entry says, or of another size.
    """
    network, size = {"sam2": _sam2, "sam_med3d": _sam_med3d}[entry.role](entry)
    if size != entry.image_size:
        raise WeightsError(
            f"weights {entry.name!r}: image_size is {entry.image_size}, but the configuration "
            f"gives {size}. Correct the manifest."
        )
    return network


def _sam2(entry: Entry) -> tuple[Any, int]:
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from sam4ct.models.sam2.network import build_network

    try:
        network = build_network(entry.config, entry.overrides)
    except (FileNotFoundError, HydraException, OmegaConfBaseException) as fault:
        raise _unbuildable(entry, "sam2", fault) from fault
    return network, int(network.image_size)


def _sam_med3d(entry: Entry) -> tuple[Any, int]:
    from sam4ct.models.sam_med3d.network import CONFIG, build_sam_med3d, image_size

    if entry.config != CONFIG:
        raise _unbuildable(entry, "medim", f"the only one it has is {CONFIG!r}")
    try:
        network = build_sam_med3d(entry.overrides)
    # medim and torch raise these if sizes do not fit together.
    except (ValueError, TypeError, RuntimeError, AssertionError, ZeroDivisionError) as fault:
        raise _unbuildable(entry, "medim", fault) from fault
    return network, image_size(network)


def _unbuildable(entry: Entry, package: str, why: object) -> WeightsError:
    return WeightsError(
        f"weights {entry.name!r}: the {package} package cannot build {entry.config!r} with the "
        f"entry's overrides: {why}. Correct the manifest."
    )
