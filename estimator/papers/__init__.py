"""Reproductions of the papers that the project rests on, one folder each."""
