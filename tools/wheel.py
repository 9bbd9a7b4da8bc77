"""Build the distribution, and try it where there is nothing of the repository.

::

    python -m tools.wheel build                    # wheel and sdist into dist/, checked as the index would
    python -m tools.wheel try                      # the core alone, on this Python
    python -m tools.wheel try --python 3.12 --guess
    python -m tools.wheel try --python others      # every other supported Python of this machine
    python -m tools.wheel try --oldest --guess     # with constraints-oldest.txt
    python -m tools.wheel release                  # build, and what a person has to do then

`try` makes a virtual environment in a temporary folder, installs the wheel (of dist/, or ``--wheel``),
measures what that takes on the disk, and runs ``jx`` there as a user would: `use_core`, and with ``--guess``
also `use_guess` after ``pip install superjx[guess]`` (with the torch of constraints.txt). Only the standard
library is needed; `build` and `release` need build and twine (the extra ``release``).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import wave
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORE_LIMIT_MIB = 345
"""What the core may take on the disk, pip left out. Measured: 328 (Python 3.12, 3.13) to 337 (3.11), of which
llvmlite is 172 and the network's weights, which only the extra ``guess`` needs, are 31."""
COMMAND_LIMIT_S = 600
"""For one command, the first of which compile (chosen: ten times what they take)."""
RENDERS = 200
"""Of the guess, which only has to end (chosen)."""
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
"""What is tried of Python: the classifiers of pyproject.toml, and what may become one."""
OLDEST_PYTHON = "3.11."
"""constraints-oldest.txt is for it: later ones have no wheels of releases that old."""
EXAMPLES = ("sync_lead.json", "soundfont_brass_D4.flac")
"""Copied beside the environment: no command is given a file of the repository."""


class FailedError(Exception):
    """A step that did not do what it should, in words."""


def main() -> None:
    """Do as asked; exit code 1 with words where it fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ("build", "release"):
        one = actions.add_parser(name)
        one.add_argument("-o", "--output", type=Path, default=ROOT / "dist")
    one = actions.add_parser("try")
    one.add_argument("--wheel", type=Path, help="instead of the newest of dist/")
    one.add_argument("--python", action="append", help="3.12, a path, or others; this one if not given")
    one.add_argument("--guess", action="store_true", help="also superjx[guess], which brings torch")
    one.add_argument("--oldest", action="store_true", help="with the oldest dependencies that are allowed")
    options = parser.parse_args()
    try:
        if options.action == "try":
            wheel = (options.wheel or _newest(ROOT / "dist")).resolve()
            for name in options.python or [sys.executable]:
                for python in others() if name == "others" else [find_python(name)]:
                    attempt(wheel, python, options.guess, options.oldest)
        else:
            made = build(options.output)
            if options.action == "release":
                print(to_do(made))
    except FailedError as failure:
        sys.exit(f"FAILED: {failure}")


def build(output: Path) -> list[Path]:
    """Build wheel and sdist into an empty folder, and check them. Returns both files."""
    for old in (*output.glob("superjx-*.whl"), *output.glob("superjx-*.tar.gz")):
        old.unlink()
    _run([sys.executable, "-m", "build", "--outdir", str(output), str(ROOT)], cwd=ROOT)
    made = sorted(output.glob("superjx-*"))
    if len(made) != 2:
        raise FailedError(f"{output} holds {[file.name for file in made]}, not a wheel and an sdist")
    print(_run([sys.executable, "-m", "twine", "check", "--strict", *map(str, made)], cwd=ROOT).strip())
    for file in made:
        print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    return made


def to_do(made: list[Path]) -> str:
    """What is left for a person, who alone may publish."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    version = made[0].name.split("-")[1].removesuffix(".tar.gz")
    files = " ".join(os.path.relpath(file, ROOT) for file in made)
    dirty = _run(["git", "status", "--porcelain"], cwd=ROOT).strip()
    first = (
        "commit what git status shows, and build anew" if dirty else "nothing to commit: the tree is clean"
    )
    return f"""
Left for a person:
  1. {first}
  2. CHANGELOG.md: give [Unreleased] the heading [{version}] and the date; jxctl/_version.py says {version}
  3. [project.urls] and the readme's links name {project["urls"]["Repository"]}: make that yours
  4. git tag v{version} && git push --follow-tags   # then read what .github/workflows says
  5. python -m twine upload {files}   # needs a token of the index
  6. in an empty folder: pip install 'superjx[all]' && jx doctor"""


def attempt(wheel: Path, python: str, guess: bool, oldest: bool) -> None:
    """Install a wheel outside the repository, and use it. Raises `FailedError`."""
    version = _run(
        [python, "-c", "import platform; print(platform.python_version())"], cwd=Path.cwd()
    ).strip()
    if oldest and not version.startswith(OLDEST_PYTHON):
        raise FailedError(f"constraints-oldest.txt is for Python {OLDEST_PYTHON}x, and this is {version}")
    print(f"==> Python {version}, {'oldest' if oldest else 'newest'} dependencies: {wheel.name}", flush=True)
    with tempfile.TemporaryDirectory(prefix="superjx-") as name:
        folder = Path(name).resolve()
        if ROOT in folder.parents:
            raise FailedError(f"{folder} lies inside the repository: set TMPDIR elsewhere")
        venv, work = folder / "venv", folder / "work"
        work.mkdir()
        for example in EXAMPLES:
            shutil.copy(ROOT / "examples" / example, work)
        _run([python, "-m", "venv", str(venv)], cwd=work)
        bin = venv / ("Scripts" if os.name == "nt" else "bin")
        constraints = ["-c", str(ROOT / "constraints.txt")]
        if oldest:
            constraints += ["-c", str(ROOT / "constraints-oldest.txt")]
        pip = [
            str(bin / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            *constraints,
        ]
        _timed("install the core", [*pip, str(wheel)], work)
        size = installed_mib(venv)
        print(f"    {size:.0f} MiB on the disk (limit {CORE_LIMIT_MIB})", flush=True)
        if size > CORE_LIMIT_MIB:
            raise FailedError(f"the core takes {size:.0f} MiB, more than {CORE_LIMIT_MIB}")
        where = _run(
            [str(bin / "python"), "-c", "import superjx, simulator.prior; print(superjx.__file__)"], work
        )
        if not Path(where.strip()).is_relative_to(venv):
            raise FailedError(f"superjx comes from {where.strip()}, not from the wheel")
        jx = str(bin / "jx")
        use_core(jx, work)
        if guess:
            _timed("install superjx[guess]", [*pip, f"{wheel}[guess]"], work)
            use_guess(jx, work)


def use_core(jx: str, work: Path) -> None:
    """What has to work with the core alone."""
    told = json.loads(_timed("jx doctor", [jx, "doctor", "--json"], work))
    network = next(one for one in told["findings"] if one["what"] == "network")
    if not told["core_works"] or "superjx[guess]" not in network["fix"]:
        raise FailedError(f"jx doctor: core_works {told['core_works']}, network: {network}")
    _timed("jx render", [jx, "render", "sync_lead.json", "-o", "out.wav"], work)
    _audible(work / "out.wav")
    _timed("jx bank convert", [jx, "bank", "convert", "sync_lead.json", "-o", "bank.syx"], work)
    shown = json.loads(_timed("jx bank show", [jx, "bank", "show", "bank.syx", "--json"], work))
    if [tone["name"] for tone in shown["tones"]] != ["SYNC LEAD"]:
        raise FailedError(f"jx bank show: {shown}")
    send = [jx, "send", "sync_lead.json", "--port", "sim:", "--play", "60", "--audio", "played.wav"]
    _timed("jx send --port sim:", send, work)
    _audible(work / "played.wav")
    refused = _process([jx, "guess", "soundfont_brass_D4.flac"], work)
    if refused.returncode != 1 or "superjx[guess]" not in refused.stderr or "Traceback" in refused.stderr:
        raise FailedError(f"jx guess without its extra ended with {refused.returncode}: {refused.stderr}")


def use_guess(jx: str, work: Path) -> None:
    """What has to work with the extra ``guess``."""
    command = [jx, "guess", "soundfont_brass_D4.flac", "-o", "tone.json", "--renders", str(RENDERS)]
    _timed("jx guess", [*command, "--audio", "guess.wav"], work)
    _audible(work / "guess.wav")
    if not (work / "tone.json").stat().st_size:
        raise FailedError("jx guess wrote no tone")


def find_python(name: str) -> str:
    """A Python by its version, from the path or pyenv, or as it is named. Raises `FailedError`."""
    if shutil.which(name):
        return str(shutil.which(name))
    # pyenv's own commands end with an error where that version is not chosen.
    if (found := shutil.which(f"python{name}")) and _works(found):
        return found
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    there = sorted(versions.glob(f"{name}.*/bin/python"))
    if not there:
        raise FailedError(f"there is no Python {name} on the path or in {versions}")
    return str(there[-1])


def others() -> list[str]:
    """Every Python of `SUPPORTED` on this machine but the running version. Says which are not there."""
    found = []
    for name in SUPPORTED:
        if name == f"{sys.version_info[0]}.{sys.version_info[1]}":
            continue
        try:
            found.append(find_python(name))
        except FailedError as failure:
            print(f"==> Python {name} is not tried: {failure}", flush=True)
    return found


def _works(python: str) -> bool:
    return not subprocess.run([python, "--version"], capture_output=True, check=False).returncode


def installed_mib(venv: Path) -> float:
    """What an environment takes on the disk, in MiB, without pip and what came with it."""
    files = [file for file in venv.rglob("*") if file.is_file() and not file.is_symlink()]
    own = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")
    kept = [file for file in files if not any(part.split("-")[0] in own for part in file.parts)]
    return sum(file.stat().st_size for file in kept) / 2**20


def _newest(folder: Path) -> Path:
    wheels = sorted(folder.glob("superjx-*.whl"), key=lambda file: file.stat().st_mtime)
    if not wheels:
        raise FailedError(f"{folder} holds no wheel: python -m tools.wheel build")
    return wheels[-1]


def _audible(file: Path) -> None:
    """Raises `FailedError` where a WAV holds nothing but silence."""
    with wave.open(str(file)) as sound:
        if not any(sound.readframes(sound.getnframes())):
            raise FailedError(f"{file.name} is silent")


def _timed(what: str, command: list[str], cwd: Path) -> str:
    began = time.monotonic()
    out = _run(command, cwd)
    print(f"    {what}: {time.monotonic() - began:.1f} s", flush=True)
    return out


def _run(command: list[str], cwd: Path) -> str:
    """What a command prints. Raises `FailedError` with what it said."""
    done = _process(command, cwd)
    if done.returncode:
        raise FailedError(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )
    return done.stdout


def _process(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run as a user would: without the paths and caches of this repository's own programs."""
    own = ("PYTHONPATH", "PYTHONHOME", "JX_SHARED", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    environment |= {"NUMBA_CACHE_DIR": str(cwd / "numba"), "NO_COLOR": "1", "PYTHONUTF8": "1"}
    try:
        return subprocess.run(
            command, cwd=cwd, env=environment, text=True, encoding="utf-8", capture_output=True, check=False,
            stdin=subprocess.DEVNULL, timeout=COMMAND_LIMIT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise FailedError(f"{' '.join(command)} did not end within {COMMAND_LIMIT_S} s") from error


if __name__ == "__main__":
    main()
