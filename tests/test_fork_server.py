"""The fork server of the tests: a program that it starts is one that Python starts."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fork_server import LIBRARIES, ForkServer

PROGRAMS = {
    "streams": "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)",
    "no end": "print('out', end='')",
    "words": "import sys; sys.exit('words')",
    "a large code": "import sys; sys.exit(300)",
    "a negative code": "import sys; sys.exit(-1)",
    "nothing": "raise SystemExit",
    "a mistake": "def f():\n    raise ValueError('mistake')\nf()\n",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "terminated": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "interrupted": "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
    "arguments": "import sys; print(sys.argv)",
    "a module path": "import sys; print(sys.path)",
    "where": "import os; print(os.getcwd(), os.environ['JX_MARK'], os.environ.get('HOME'))",
    "input": "import sys; print(sys.stdin.read(), sys.stdin.isatty())",
    "kinds": "import sys; print([(s.encoding, s.errors, s.isatty()) for s in (sys.stdout, sys.stderr)])",
    "warnings": "import warnings; warnings.warn('told'); warnings.warn('old', DeprecationWarning)",
    "at exit": "import atexit; atexit.register(print, 'late')",
    "a thread": "import threading; threading.Timer(0.2, print, ['later']).start()",
    "main": "import sys; print(__name__, sys.modules['__main__'].X if 'X' in globals() else 'no X')\nX = 1",
    "signals": "import signal; print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))",
    "bytes": "import sys; sys.stdout.buffer.write(b'a\\r\\nb')",
    "a sibling": "import beside; print(beside.__file__)",
}  # fmt: skip


def both(server: ForkServer, program: list[str], folder: Path, **options: object) -> None:
    """Compare what a program is when started in either way."""
    env = os.environ | {"PYTHONPATH": str(folder / "more"), "NO_COLOR": "1", "JX_MARK": "mark"}
    given: dict[str, object] = {"cwd": folder, "env": env, "text": True} | options
    plain = subprocess.run([sys.executable, *program], capture_output=True, check=False, **given)  # type: ignore[call-overload]
    forked = server.run(program, **given)  # type: ignore[arg-type]
    assert (forked.returncode, forked.stdout) == (plain.returncode, plain.stdout)
    if "Traceback" in plain.stderr:  # above the program's own frames are those of the server
        assert forked.stderr.splitlines()[-2:] == plain.stderr.splitlines()[-2:]
    else:
        assert forked.stderr == plain.stderr


@pytest.fixture
def server(fork_server: ForkServer | None) -> ForkServer:
    """The server, where there can be one."""
    if fork_server is None:
        pytest.skip("no fork server on this system")
    return fork_server


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_the_same_whoever_starts_it(server: ForkServer, tmp_path: Path, name: str) -> None:
    (tmp_path / "program.py").write_text(PROGRAMS[name])
    (tmp_path / "beside.py").write_text("")
    both(server, [str(tmp_path / "program.py"), "one", "-two"], tmp_path, input="typed")


def test_a_module_is_the_same_whoever_starts_it(server: ForkServer, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more/told.py").write_text("import sys; print(__name__, __spec__.name, sys.argv, sys.path)")
    both(server, ["-m", "told", "one", "-two"], tmp_path)


def test_the_libraries_are_there_and_nothing_of_this_repository(server: ForkServer, tmp_path: Path) -> None:
    roots = {name.partition(".")[0] for name in LIBRARIES}
    roots = {name for name in roots if importlib.util.find_spec(name)}
    (tmp_path / "program.py").write_text(
        "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    )
    env = os.environ | {"NO_COLOR": "1"}
    loaded = set(server.run([str(tmp_path / "program.py")], cwd=tmp_path, env=env).stdout.split())
    assert roots <= loaded
    assert loaded.isdisjoint({"jxctl", "simulator", "estimator", "benchmarks", "superjx"})


def test_a_program_that_takes_too_long_is_killed(server: ForkServer, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    )
    (tmp_path / "quick.py").write_text("print('on')")
    env = os.environ | {"NO_COLOR": "1"}
    with pytest.raises(subprocess.TimeoutExpired):
        server.run([str(tmp_path / "slow.py")], cwd=tmp_path, env=env, timeout=3)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert server.run([str(tmp_path / "quick.py")], cwd=tmp_path, env=env).stdout == "on\n"


def test_another_environment_of_the_libraries_is_not_served(server: ForkServer) -> None:
    root = str(Path(__file__).resolve().parents[1])
    env = os.environ | {"PYTHONPATH": root, "NO_COLOR": "1", "JX_PORT": "sim:"}
    assert server.can_run(env)
    assert not server.can_run(env | {"NUMBA_DISABLE_JIT": "1"})
    assert not server.can_run(env | {"PYTHONPATH": os.pathsep.join(["elsewhere", root])})
    assert not server.can_run({key: value for key, value in env.items() if key != "PATH"})


def test_the_programs_of_the_tests_are_served(server: ForkServer, surroundings: dict[str, str]) -> None:
    """Otherwise each of them imports torch and numba anew, and nobody notices but the clock."""
    assert server.can_run(surroundings)
    assert not server.can_run(surroundings | {"NUMBA_CPU_NAME": "generic"})
