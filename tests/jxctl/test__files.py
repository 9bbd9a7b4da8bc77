"""Files are read within limits, and written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from jxctl._files import (
    MOST_LEVELS,
    read_bytes,
    read_json,
    read_object,
    read_rows,
    read_text,
    read_toml,
    write_atomically,
)
from jxctl.errors import JxError, ToneError, UsageError


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_atomically(path, b"one")
    write_atomically(str(path), b"two\x00\xff")
    assert path.read_bytes() == b"two\x00\xff"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"before")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), full)
    with pytest.raises(JxError, match="No space left on device") as caught:
        write_atomically(path, b"after")
    assert caught.value.exit_code == 1
    assert caught.value.hint
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"before")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(JxError, match=r"none.*a\.bin: No such file or directory"):
        write_atomically(tmp_path / "none" / "a.bin", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(JxError, match="Is a directory"):
        write_atomically(tmp_path / "folder", b"x")
    assert (tmp_path / "folder").is_dir()


def test_what_is_no_file_is_written_to_and_stays(tmp_path: Path) -> None:
    # A pipe of our own: a mistake here must not cost the machine its /dev/null.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomically(pipe, b"through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.bin"
    link.symlink_to(tmp_path / "there" / "real.bin")
    write_atomically(link, b"x")
    assert link.is_symlink()
    assert (tmp_path / "there" / "real.bin").read_bytes() == b"x"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_the_mode_is_that_of_any_new_file(mask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "a.bin", b"x")
        assert os.umask(mask) == mask, "the umask itself is left as it was"
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == mode


READERS = (read_bytes, read_text, read_json, read_object, read_toml, read_rows)
PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
ENDLESS = Path("/dev/zero")


@pytest.mark.parametrize("read", READERS)
def test_missing_folder_and_overlong_are_errors_of_the_callers_class(
    read: Callable[..., object], tmp_path: Path
) -> None:
    path = tmp_path / "a"
    with pytest.raises(ToneError, match=f"{path}: no such file") as caught:
        read(path, error=ToneError, hint="look", missing="make one")
    assert caught.value.hint == "make one"
    with pytest.raises(ToneError, match="a folder, not a file") as caught:
        read(tmp_path, error=ToneError, hint="look")
    assert caught.value.hint == "look"
    path.write_bytes(b"1234")
    with pytest.raises(ToneError, match="over 3 bytes"):
        read(path, most=3, error=ToneError)
    with pytest.raises(UsageError):
        read(f"{path}\0")


@PIPES
@pytest.mark.parametrize("read", READERS)
def test_a_pipe_is_refused_and_not_waited_for(read: Callable[..., object], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="not a regular file"):
        read(tmp_path / "pipe")


@pytest.mark.skipif(not ENDLESS.exists(), reason="no /dev/zero")
@pytest.mark.parametrize("read", READERS)
def test_a_device_is_refused(read: Callable[..., object]) -> None:
    with pytest.raises(UsageError, match="not a regular file"):
        read(ENDLESS)


def test_a_file_without_permission_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may read everything.
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    path = tmp_path / "a"
    path.write_bytes(b"x")
    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(UsageError, match=r"cannot be read \(Permission denied\)") as caught:
        read_bytes(path)
    assert "permissions" in caught.value.hint


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def test_contents_come_back_without_a_byte_order_mark(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    assert read_bytes(written(tmp_path, mark + b"1")) == mark + b"1"
    assert read_text(written(tmp_path, mark + "\u00e9".encode())) == "\u00e9"
    assert read_object(written(tmp_path, mark + b'{"a": [1]}')) == {"a": [1]}
    assert read_toml(written(tmp_path, mark + b"a = 1\r\n[b]\r\nc = 2")) == {"a": 1, "b": {"c": 2}}
    rows = read_rows(written(tmp_path, mark + b'a,b\r\n1,2\r\n"x\r\ny",\r\n'))
    assert rows == [(2, {"a": "1", "b": "2"}), (4, {"a": "x\r\ny", "b": ""})]


@pytest.mark.parametrize(
    ("read", "content", "cause"),
    [
        (read_text, b"\xff\xfe\x00", "not a text file"),
        (read_json, b"\xff\xfe\x00", "not a text file"),
        (read_json, b"", "not JSON"),
        (read_json, b"{", "not JSON"),
        (read_json, b"9" * 10_000, "not JSON"),
        (read_json, b"[" * 100_000, "JSON nested over 64 levels deep"),
        (read_json, b"[" * 100_000 + b"]" * 100_000, "JSON nested over 64 levels deep"),
        (read_json, b'{"a":' * 80 + b"1" + b"}" * 80, "JSON nested over 64 levels deep"),
        (read_object, b"[1]", "not a JSON object"),
        (read_toml, b"a = ", "not TOML: .*line 1"),
        (read_toml, b"a = 1979-02-31", "not TOML"),
        (read_toml, b"a = " + b"[" * 20_000, "TOML nested over 64 levels deep"),
        (read_toml, b"a = " + b"[" * 80 + b"]" * 80, "TOML nested over 64 levels deep"),
        (read_toml, b".".join([b"a"] * 80) + b" = 1", "TOML nested over 64 levels deep"),
        (read_rows, b"a\n" + b"x" * 200_000, "not a CSV table"),
    ],
)
def test_contents_that_are_not_what_they_should_be(
    read: Callable[..., object], content: bytes, cause: str, tmp_path: Path
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(UsageError, match=cause) as caught:
        read(path, hint="the next step")
    assert caught.value.message.startswith(f"{path}: ")
    assert caught.value.hint == "the next step"


def test_as_deep_as_allowed_is_read(tmp_path: Path) -> None:
    text = b"[" * MOST_LEVELS + b"]" * MOST_LEVELS
    assert read_json(written(tmp_path, text))
    assert read_toml(written(tmp_path, b"a = " + text[1:-1]))
    with pytest.raises(UsageError, match="nested"):
        read_json(written(tmp_path, b"[" + text + b"]"))
