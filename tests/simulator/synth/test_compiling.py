"""The first compilation of a process is announced, and only that."""

from __future__ import annotations

import logging

import numba
import pytest
from numba.core import event

from simulator.synth._compiling import _Announcer


def test_compiling_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    first = numba.njit(lambda x: x + 1)
    second = numba.njit(lambda x: x + 2)
    with caplog.at_level(logging.INFO, "simulator"), event.install_listener("numba:compile", _Announcer()):
        assert (first(1), first(1), second(1)) == (2, 2, 3)
    mine = [record.message for record in caplog.records if record.name == "simulator"]
    assert len(mine) in (1, 2)  # the listener that jx itself installs may speak for the first time too
    assert set(mine) == {"compiling the simulator for this processor: once, up to half a minute"}


def test_what_is_compiled_already_is_not_announced(caplog: pytest.LogCaptureFixture) -> None:
    ready = numba.njit(lambda x: x + 3)
    ready(1)
    with caplog.at_level(logging.INFO, "simulator"), event.install_listener("numba:compile", _Announcer()):
        ready(1)
    assert not caplog.records
