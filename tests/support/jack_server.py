"""A JACK server of the tests' own, with the driver that needs no sound hardware.

It gives real RtMidi something to talk to on any machine. Where jackd is missing the test skips and says
so; on CI it fails.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

START_S = 20.0
_numbers = itertools.count()


@pytest.fixture(scope="module")
def jack() -> Iterator[dict[str, str]]:
    """The surroundings in which programs find the server; this process has them too while it runs."""
    with running_jack() as (surroundings, _):
        yield surroundings


@contextmanager
def running_jack() -> Iterator[tuple[dict[str, str], subprocess.Popen[bytes]]]:
    """As the fixture, with the server itself: for a test that needs one of its own, as to end it."""
    if shutil.which("jackd") is None:
        reason = "no jackd here (Debian: apt-get install jackd2)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    name = f"jx-test-{os.getpid()}-{next(_numbers)}"
    surroundings = {
        "JACK_DEFAULT_SERVER": name,
        "JACK_NO_START_SERVER": "1",
        "JACK_NO_AUDIO_RESERVATION": "1",
    }
    # -S: every client is waited for. Without it a period that a busy machine misses loses or repeats bytes.
    command = [
        "jackd",
        "-S",
        "-t",
        "10000",
        "-n",
        name,
        "--no-realtime",
        "-d",
        "dummy",
        "-r",
        "44100",
        "-p",
        "256",
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    before = {key: os.environ.get(key) for key in surroundings}
    os.environ.update(surroundings)
    try:
        _wait(server)
        yield surroundings, server
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes]) -> None:
    from jxctl.errors import DeviceError
    from jxctl.ports.midi_systems import systems
    from jxctl.ports.rtmidi2 import NO_JACK

    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        try:
            systems("jack").client("out", "jack", "jx test").delete()
        except DeviceError as error:
            if NO_JACK in error.message:
                pytest.skip(NO_JACK)
            time.sleep(0.1)
        else:
            return
    pytest.fail("jackd does not start its dummy driver here")
