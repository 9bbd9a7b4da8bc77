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
# 8. tests/ mirrors the packages: jxctl/protocol/tone.py is tested in tests/jxctl/protocol/test_tone.py.

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
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


@pytest.fixture
def jx(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``jx ARGUMENTS`` in ``tmp_path`` as a program of its own; keywords go to `subprocess.run`.

    The user's configuration is out of reach, and the code under test is this checkout's.
    """
    surroundings = os.environ | {"PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(tmp_path), "NO_COLOR": "1"}

    def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "jxctl", *map(str, arguments)]
        given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        given |= {"cwd": tmp_path, "env": surroundings, "timeout": 300}
        return subprocess.run(command, check=False, **(given | options))

    return run
