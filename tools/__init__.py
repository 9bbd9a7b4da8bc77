"""Programs that keep this repository true: not installed, not part of the packages."""
