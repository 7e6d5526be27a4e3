"""How cells look in each kind of microscopy, such as fluorescence or phase contrast.

A look is a function of fields that cover the whole frame, so that it takes the same time for one
cell as for hundreds. Array order ([z,] y, x).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from sam4ct.intensity import Image
from sam4ct.simulate.imaging.optics import Fields, Optics


def _nucleus(f: Fields, o: Optics) -> Image:
    body = np.clip(1.0 - f.rho**o.softness, 0.0, 1.0) ** 0.8
    lit = f.brightness * (1.0 + 0.6 * f.mitotic)
    return np.asarray(body * lit * (1.0 + o.texture * f.texture), dtype=np.float32)


def _membrane(f: Fields, o: Optics) -> Image:
    seam = np.exp(-(((f.rho - 0.92) / 0.12) ** 2))
    body = 0.15 * f.inside * (1.0 + o.texture * f.texture)
    return np.asarray(f.brightness * (seam + body) * (1.0 + 0.4 * f.mitotic), dtype=np.float32)


def _dark(f: Fields, o: Optics) -> Image:
    body = np.clip(1.0 - f.rho**o.softness, 0.0, 1.0) ** 0.6
    return np.asarray(-body * f.brightness * (0.8 + o.texture * f.texture), dtype=np.float32)


def _phase(f: Fields, o: Optics) -> Image:
    body = f.inside * (o.level + o.texture * f.texture) * f.brightness
    seam = o.halo * np.exp(-(((f.rho - 1.12) / 0.14) ** 2)) * ~f.inside
    rim = -0.4 * o.halo * np.exp(-(((f.rho - 0.93) / 0.08) ** 2)) * f.inside
    round_glow = 1.2 * f.mitotic * np.exp(-((f.rho / 0.9) ** 4))
    return np.asarray(body + seam + rim + round_glow, dtype=np.float32)


def _spread(f: Fields, o: Optics) -> Image:
    """Flat crawling cells: a grainy dark rim, a dark granular centre, a thin bright seam."""
    grain = o.texture * f.texture * (0.5 + np.clip(f.rho, 0.0, 1.0))
    core = -0.6 * np.exp(-((f.rho / 0.45) ** 2)) * (0.6 + 0.8 * np.abs(f.texture))
    rim = -0.5 * np.exp(-(((f.rho - 0.9) / 0.12) ** 2))
    body = f.inside * (o.level + grain + core + rim) * f.brightness
    seam = 0.5 * abs(o.halo) * np.exp(-(((f.rho - 1.07) / 0.07) ** 2)) * ~f.inside
    round_glow = 1.5 * f.mitotic * np.exp(-((f.rho / 0.85) ** 4))
    return np.asarray(body + seam + round_glow, dtype=np.float32)


def _brightfield(f: Fields, o: Optics) -> Image:
    waves = np.cos(2.0 * np.pi * o.rings * f.rho + 3.0 * o.level)
    fade = np.exp(-((np.clip(f.rho - 0.8, 0.0, None) / 0.3) ** 2))
    near = np.exp(-((f.rho / 1.4) ** 6))
    body = near * fade * waves + o.texture * f.texture * f.inside
    return np.asarray(o.halo * f.brightness * body, dtype=np.float32)


def _dic(f: Fields, o: Optics) -> Image:
    height = np.clip(1.0 - f.rho**2, 0.0, 1.0) * f.brightness + 0.3 * o.texture * (
        f.texture * f.inside
    )
    smooth = ndimage.gaussian_filter(height, [0.0] * (height.ndim - 2) + [1.0, 1.0])
    along = np.sin(o.shear) * np.gradient(smooth, axis=-2)
    across = np.cos(o.shear) * np.gradient(smooth, axis=-1)
    slope = along + across
    return np.asarray(slope / (np.abs(slope).max() + 1e-6), dtype=np.float32)


def _halo(f: Fields, o: Optics) -> Image:
    """Phase contrast as a high-pass filter of the optical density; the halo is its blur."""
    edge = np.clip(1.0 - f.rho**o.softness, 0.0, 1.0) ** 0.5
    density = edge * f.brightness * (1.0 + o.texture * f.texture) * (1.0 - 1.5 * f.mitotic)
    around = [0.0] * (density.ndim - 2) + [o.halo_px] * 2
    slow = ndimage.gaussian_filter(density, around, truncate=2.5)
    return np.asarray(o.level * (density - abs(o.halo) * slow), dtype=np.float32)


def _rim(f: Fields, o: Optics) -> Image:
    """A bright (dark) rim with a dark (bright) one outside it, around a grey body."""
    inner = np.exp(-(((f.rho - 1.0 + o.rim) / o.rim) ** 2))
    outer = np.exp(-(((f.rho - 1.0 - 1.2 * o.rim) / (1.2 * o.rim)) ** 2))
    body = f.inside * (o.level + o.texture * f.texture)
    return np.asarray(f.brightness * (o.halo * (inner - 0.7 * outer) + body), dtype=np.float32)


def _seam(f: Fields, o: Optics) -> Image:
    """Return 1 on outlines and between packed cells, falling to 0 inside cells."""
    gap = np.minimum(f.second - f.rho, 1.5 * np.abs(1.0 - f.rho))
    return np.asarray(np.exp(-((gap / (2.0 * o.rim)) ** 2)) * (f.rho < 1.1))


def _seams(f: Fields, o: Optics) -> Image:
    """Stained membranes of packed cells."""
    body = 0.2 * f.inside * (1.0 + o.texture * f.texture)
    lit = f.brightness * (1.0 + 0.3 * f.texture) * _seam(f, o) + body
    return np.asarray(lit * (1.0 + 0.4 * f.mitotic), dtype=np.float32)


def _stain(f: Fields, o: Optics) -> Image:
    """Stained cytoplasm, thinner towards the outline, and a nucleus that may be brighter."""
    thick = np.clip(1.0 - f.rho**o.softness, 0.0, 1.0)
    nucleus = max(0.0, o.level) * np.exp(-((f.rho / 0.45) ** 4))
    body = f.inside * (0.3 + 0.7 * thick + nucleus) * (1.0 + o.texture * f.texture)
    return np.asarray(f.brightness * body * (1.0 + 0.5 * f.mitotic), dtype=np.float32)


def _refractile(f: Fields, o: Optics) -> Image:
    """Spores in phase contrast: a bright core in a dark coat."""
    core = np.exp(-((f.rho / 0.75) ** 4))
    coat = np.exp(-(((f.rho - 1.0) / (1.5 * o.rim)) ** 2))
    glow = 0.3 * abs(o.halo) * np.exp(-(((f.rho - 1.35) / 0.2) ** 2))
    return np.asarray(
        f.brightness * (core - abs(o.halo) * coat + glow + o.texture * f.texture * f.inside),
        dtype=np.float32,
    )


def _cobbles(f: Fields, o: Optics) -> Image:
    """A sheet in transmitted light: bulging cells with dark seams, lit from one side."""
    bulge = np.clip(1.0 - f.rho**2, 0.0, 1.0)
    lit = np.sin(o.shear) * np.gradient(bulge, axis=-2)
    lit = lit + np.cos(o.shear) * np.gradient(bulge, axis=-1)
    body = f.inside * (0.4 * bulge + o.texture * f.texture)
    return np.asarray(f.brightness * (body + 4.0 * lit - 0.8 * _seam(f, o)), dtype=np.float32)


LOOKS: dict[str, Callable[[Fields, Optics], Image]] = {
    "nucleus": _nucleus,
    "membrane": _membrane,
    "dark": _dark,
    "phase": _phase,
    "spread": _spread,
    "brightfield": _brightfield,
    "dic": _dic,
    "halo": _halo,
    "rim": _rim,
    "seams": _seams,
    "stain": _stain,
    "refractile": _refractile,
    "cobbles": _cobbles,
}

PATTERNS: dict[str, Callable[[Image], Image]] = {
    "waves": lambda texture: texture,
    "mottled": lambda texture: np.tanh(4.0 * texture),
    "holes": lambda texture: -np.clip(4.0 * (texture - 0.2), 0.0, 1.3),
}
"""Functions of a texture of waves, about -1 to 1."""
