"""Fixtures of the SysEx tests: the captures, and what they decode to."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from jxctl.protocol.bank import Bank
from jxctl.protocol.sysex import bank_of, decode, read_image

MKS70, V4_BULK, V4_APR = "mks70_bulk_bank.syx", "vecoven_v4_bulk_bank.syx", "vecoven_v4_apr_set.syx"
CARTRIDGE, BUS = "jx8p_m16c_cartridge.bin", "superjx_patch_load_bus.bin"


@pytest.fixture(scope="session")
def captures(shared: Path) -> dict[str, bytes]:
    """The bytes of every capture by file name."""
    folder = shared / "data" / "captures"
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="session")
def banks(captures: dict[str, bytes]) -> dict[str, Bank]:
    """The banks in the captures by file name."""
    found = {name: bank_of(decode(captures[name]).messages)[0] for name in (MKS70, V4_BULK, V4_APR)}
    return found | {CARTRIDGE: read_image(captures[CARTRIDGE])}


@pytest.fixture(scope="session")
def dev_tones(shared: Path) -> list[dict[str, str]]:
    """Tones decoded by others: a row each, raw values of 44 parameters by name."""
    with (shared / "data" / "tones_dev.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
