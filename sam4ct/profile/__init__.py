"""Profiles: the parameters in which datasets differ, one TOML file a dataset."""

from sam4ct.profile.files import load_profile, profile_names, profiles_folder, to_toml
from sam4ct.profile.settings import Profile, Spacing, TrackSettings

__all__ = [
    "Profile",
    "Spacing",
    "TrackSettings",
    "load_profile",
    "profile_names",
    "profiles_folder",
    "to_toml",
]
