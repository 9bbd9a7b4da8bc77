"""Fixtures every test may use, and the house rules."""

# House rules
#
# 1. A test can fail. Compare with something worked out apart from the code: a formula written
#    plainly, a document, a capture of a real instrument. Never with the code's own helper.
# 2. Physics rather than snapshots: a sound below the cutoff passes, above it vanishes.
# 3. Bad input is tested four ways: the message, the hint, the exit code, and that nothing was written.
# 4. The command line is tested as a program, through the fixture `jx`.
# 5. Reference files live in ../shared beside the repository and are read through the fixture
#    `shared`, never copied here. Where they are absent the test skips and says so; on CI it fails.
# 6. No timed asserts; benchmarks/ measures speed. Seeds are fixed. Two cores and no network are enough.
# 7. Warnings are errors and an unexpected pass fails (pyproject.toml).
# 8. tests/ mirrors the packages: jxctl/protocol/tone.py is tested in tests/jxctl/protocol/test_tone.py. What
#    several tests use is in tests/support; tests/io is for what runs in real time, and is marked slow.

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fork_server import ForkServer
from hypothesis import settings

Run = Callable[..., subprocess.CompletedProcess[str]]

ROOT = Path(__file__).resolve().parents[1]
SURROUNDINGS = {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
"""What is added to the environment of a program."""
SERVED = {"cwd", "env", "timeout", "text", "input"}
"""Keywords that `ForkServer.run` knows; with others a program is started in the ordinary way."""
ON_CI = os.environ.get("CI") == "true"

# No deadline: the first example of a property may compile a kernel.
settings.register_profile("jx", deadline=None, derandomize=ON_CI)
settings.load_profile("jx")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material: ``JX_SHARED``, or ``shared`` beside the repository."""
    folder = Path(os.environ.get("JX_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        reason = f"no reference material at {folder} (set JX_SHARED)"
        if ON_CI:
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer | None]:
    """Starts programs of this checkout with the large libraries loaded; None where that cannot be."""
    if sys.platform != "linux":
        yield None
        return
    server = ForkServer(os.environ | SURROUNDINGS)
    yield server
    server.close()


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """Environment of a program of its own: the user's configuration and library are out of reach."""
    own = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    return os.environ | SURROUNDINGS | own


@pytest.fixture
def program(tmp_path: Path, surroundings: dict[str, str], fork_server: ForkServer | None) -> Run:
    """Run ``python ARGUMENTS`` in ``tmp_path`` as a program of its own; keywords go to `subprocess.run`.

    The code under test is this checkout's.
    """

    def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [str(argument) for argument in arguments]
        given: dict[str, Any] = {"cwd": tmp_path, "env": surroundings, "timeout": 300, "text": True} | options
        if fork_server and given.keys() <= SERVED and fork_server.can_run(given["env"]):
            return fork_server.run(command, **given)
        given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | given
        return subprocess.run([sys.executable, *command], check=False, **given)

    return run


@pytest.fixture
def jx(program: Run) -> Run:
    """Run ``jx ARGUMENTS`` as `program` does."""
    return partial(program, "-m", "jxctl")
