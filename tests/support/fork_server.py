"""A fork server: programs that begin with the large libraries loaded, each still a process of its own.

`ForkServer.run` is `subprocess.run` of ``python -m MODULE ARGUMENTS`` or ``python SCRIPT ARGUMENTS``, but
that the new process is forked from one that has imported `LIBRARIES`, which takes seconds. Nothing of this
repository is loaded in advance: a program imports that itself, as it would alone. It has its own folder,
environment, arguments, standard streams, warnings and exit code, and can be killed. Threads would be lost in
a fork, so the server does nothing but import and fork.

Run as a program, with the number of a socket, it is the server.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = (
    "matplotlib.pyplot", "mido", "numba", "numpy", "rich.console", "rich.progress", "rich.table",
    "safetensors.torch", "scipy.signal", "scipy.special", "scipy.stats", "soundfile", "soxr", "threadpoolctl",
    "torch", "typer",
)  # fmt: skip
FREE = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "JX_", "PYTEST_CURRENT_TEST", "TORCHINDUCTOR_CACHE_DIR")
"""How the names begin of variables that no library reads while it is imported: they may change later."""


class ForkServer:
    """Starts programs. ``environment``: in which the libraries are imported."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._one_at_a_time = threading.Lock()
        self._socket, other = socket.socketpair()
        with other:
            self._server = subprocess.Popen(
                [sys.executable, __file__, str(other.fileno())],
                env={key: value for key, value in environment.items() if key != "PYTHONPATH"},
                pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def can_run(self, env: Mapping[str, str]) -> bool:
        """Whether the libraries would be the same, had they been imported in this environment."""
        changed = {key for key, _ in set(env.items()) ^ set(self._environment.items())}
        return all(key.startswith(FREE) for key in changed)

    def run(
        self,
        program: Sequence[str],
        *,
        cwd: Path | str,
        env: Mapping[str, str],
        timeout: float | None = None,
        input: str | bytes | None = None,
        text: bool = True,
    ) -> subprocess.CompletedProcess[Any]:
        """Run ``-m MODULE ARGUMENTS`` or ``SCRIPT ARGUMENTS``; the same result as `subprocess.run`'s."""
        request = {"program": list(program), "cwd": str(cwd), "env": dict(env)}
        with self._one_at_a_time, contextlib.ExitStack() as stack:
            streams = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            if input is not None:
                streams[0].write(input.encode() if isinstance(input, str) else input)
                streams[0].seek(0)
            _send(self._socket, request, [stream.fileno() for stream in streams])
            pid = _receive(self._socket)[0]["pid"]
            self._socket.settimeout(timeout)
            try:
                code = _receive(self._socket)[0]["code"]
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self._socket.settimeout(None)
                _receive(self._socket)
                raise subprocess.TimeoutExpired(list(program), timeout or 0) from None
            finally:
                self._socket.settimeout(None)
            out, err = (self._read(stream, text) for stream in streams[1:])
        return subprocess.CompletedProcess([sys.executable, *program], code, out, err)

    @staticmethod
    def _read(stream: Any, text: bool) -> str | bytes:
        stream.seek(0)
        said: bytes = stream.read()
        return said.decode().replace("\r\n", "\n").replace("\r", "\n") if text else said

    def close(self) -> None:
        """End the server."""
        self._socket.close()
        self._server.wait()


def _send(connection: socket.socket, message: dict[str, Any], files: Sequence[int] = ()) -> None:
    data = json.dumps(message).encode()
    connection.sendall(len(data).to_bytes(4, "big"))
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
    sent = connection.sendmsg([data], rights)
    connection.sendall(data[sent:])


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    size = connection.recv(4, socket.MSG_WAITALL)
    if not size:
        raise EOFError
    left = int.from_bytes(size, "big")
    data, files = b"", array.array("i")
    while left > len(data):
        piece, rights, _, _ = connection.recvmsg(left - len(data), socket.CMSG_LEN(3 * files.itemsize))
        if not piece:
            raise EOFError
        data += piece
        for _, _, held in rights:
            files.frombytes(held)
    return json.loads(data), list(files)


def _serve(connection: socket.socket) -> list[str]:
    """Fork for every request until there is no more; return in the child, with its arguments."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of others' modules, while they are imported
        for name in LIBRARIES:
            with contextlib.suppress(ModuleNotFoundError):  # an extra that is not installed
                importlib.import_module(name)
    gc.collect()
    gc.freeze()
    while True:
        try:
            request, streams = _receive(connection)
        except (EOFError, ConnectionError):
            os._exit(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads: OpenBLAS looks after its own
            pid = os.fork()
        if not pid:
            connection.close()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            os.chdir(request["cwd"])
            os.environ.clear()
            os.environ.update(request["env"])
            program: list[str] = request["program"]
            return program
        for stream in streams:
            os.close(stream)
        _send(connection, {"pid": pid})
        _, status = os.waitpid(pid, 0)
        _send(connection, {"code": os.waitstatus_to_exitcode(status)})


def _become(program: list[str]) -> None:
    """Be ``python PROGRAM``: what follows on the module search path, the arguments, and what is run."""
    del sys.path[0]  # this file's folder
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if program[0] == "-m":
        sys.path.insert(0, str(Path.cwd()))
        sys.argv = program[1:]
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(program[0]).resolve().parent))
        sys.argv = program
        runpy.run_path(program[0], run_name="__main__")


def _end(code: int) -> NoReturn:
    """What Python does at the end of a program, but for taking every module apart, which takes seconds."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    try:
        _become(_serve(socket.socket(fileno=int(sys.argv[1]))))
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        _end((end.code or 0) & 0xFF)
    _end(0)
