"""Profiles: the settings of a dataset, one TOML file for each.

- `settings`: every setting, its meaning and its range
- `files`: find, read and write TOML files
"""

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
