"""Calibration: recordings of a board in, its profile out."""
