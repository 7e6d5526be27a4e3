"""Options: what a user chooses for a run, and the profile, networks and device that follow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sam4ct.errors import WeightsError
from sam4ct.models.device import choose_device
from sam4ct.models.weights.entry import ROLES, Entry
from sam4ct.models.weights.manifest import Manifest, load_manifest
from sam4ct.models.weights.verify import choose, verified
from sam4ct.profile import Profile, Spacing, load_profile, profile_names

AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may choose for a run of either mode."""

    profile: str | None = None
    """A shipped profile, a file, or "auto"; None: the one named like the dataset, else "auto"."""
    weights: tuple[str, ...] = ()
    device: str = "auto"
    evidence: str = "sam2"
    """Source of linking evidence: "sam2", or "overlap" of masks that are not moved."""
    fast: bool = False
    """Whether SAM 2 is used only where the overlap of masks is ambiguous."""
    generate_masks: bool | None = None
    """Whether SAM-Med3D segments missed cells of volumes; None: as the profile says."""
    edit_masks: bool | None = None
    """Whether given masks may be joined, cut or dropped; None: as the profile says."""
    corrections: Path | None = None
    """Mode "link": answers of a person; None: `SS_CORRECTIONS.csv`, if it is there."""
    use_corrections: bool = True
    """Whether that file is taken."""
    overwrite: bool = False
    report: bool = True
    seeds: Path | None = None
    """Mode "track": seeds, a folder or a table; None: `SS_SEEDS`."""
    initial: Path | None = None
    """Mode "track": initial tracks, a JSON or a label TIFF; None: in `SS_INIT` or `SS_GT`."""
    spacing_um: Spacing | None = None
    """Size of a voxel (z, y, x), if known better than the images say; "auto" takes it."""
    export: tuple[str, ...] = ()
    """Formats that the result is exported to (`pipelines.tools.export`)."""

    def named_profile(self, dataset: str) -> Profile | None:
        """Return the profile for a dataset; None if it is to be derived from the data.

        Args:
            dataset: Name of the dataset; a shipped profile of this name is the default.

        Raises:
            ProfileError: There is no such profile, or its file cannot be used.
        """
        name = self.profile
        if name is None:
            name = dataset if dataset in profile_names() else AUTO
        return None if name == AUTO else load_profile(name)


def choose_network(options: Options, *, generate: bool = False) -> tuple[str, dict[str, Entry]]:
    """Return the device and the verified weights by role; ("cpu", {}) if no network is needed.

    Args:
        options: What the user chose.
        generate: Whether masks are generated.

    Raises:
        WeightsError: The device or the weights are not there, the file is another one, or
            options contradict each other.
    """
    if options.fast and options.evidence != "sam2":
        raise WeightsError(
            f"--fast: is not used with --evidence {options.evidence}, which runs no network. Leave"
            " one of the two out."
        )
    manifest = load_manifest()
    useless = {}
    if options.evidence != "sam2":
        useless["sam2"] = f"with --evidence {options.evidence}"
    if not generate:
        useless["sam_med3d"] = "where no masks are generated"
    for name in options.weights:
        if why := useless.get(manifest.get(name).role):
            raise WeightsError(f"--weights {name}: is not used {why}. Leave it out.")
    roles = [role for role in ROLES if role not in useless]
    if not roles:
        return "cpu", {}
    device = choose_device(options.device)
    usable = Manifest(tuple(entry for entry in manifest.entries if entry.role in roles))
    chosen = choose(usable, options.weights, device.startswith("cuda"))
    for role in roles:
        if role not in chosen:
            raise WeightsError(
                f"weights: there are none for {role} by default on {device}. Name some with"
                " --weights; `sam4ct weights list` says which there are."
            )
        verified(chosen[role])
    return device, chosen
