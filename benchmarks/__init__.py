"""Measurements, each with the command, commit and machine that gave it. None of them is a test."""
