"""``replay:`` and ``spy:`` in front of it: conversations without a device."""

from __future__ import annotations

from pathlib import Path

import pytest

from jxctl.errors import DeviceError, UsageError, VerificationError
from jxctl.ports import Port, ReceivingPort, open_port

REQUEST, ANSWER = bytes.fromhex("F0413D0024020107F7"), bytes.fromhex("F0413800243001F7")
CONVERSATION = """# jx replay 1 midi

# A request and its answer.
> F0 41 3D 00 24 02 01 07 F7   # please
< F0 41 38 00 24 30 01 F7
< FE
> 903C64
"""


def replay(folder: Path, text: str | bytes = CONVERSATION, scheme: str = "replay:") -> ReceivingPort:
    path = folder / "conversation.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    port = open_port(f"{scheme}{path}")
    assert isinstance(port, ReceivingPort)
    return port


def test_a_conversation_as_recorded(tmp_path: Path) -> None:
    with replay(tmp_path) as port:
        assert isinstance(port, ReceivingPort)
        assert port.language == "midi"
        assert port.receive(10) == b""  # nothing was asked yet, and no time is lost
        port.write(REQUEST)
        assert port.receive(0) == ANSWER
        assert port.receive(0) == b"\xfe"
        assert port.receive(0) == b""
        port.write(b"\x90\x3c\x64")


def test_pieces_do_not_matter_and_answers_wait(tmp_path: Path) -> None:
    with replay(tmp_path) as port:
        assert isinstance(port, ReceivingPort)
        port.write(REQUEST[:4])
        assert port.receive(0) == b""
        port.write(REQUEST[4:] + b"\x90")
        port.write(b"\x3c\x64")
        assert [port.receive(0) for _ in range(3)] == [ANSWER, b"\xfe", b""]


def test_another_byte_is_found_where_it_is(tmp_path: Path) -> None:
    port = replay(tmp_path)
    with pytest.raises(VerificationError, match=r"line 4: byte 3 has to be 00, but 01 was sent"):
        port.write(bytes.fromhex("F0413D0124"))


def test_too_much_and_too_little(tmp_path: Path) -> None:
    port = replay(tmp_path)
    port.write(REQUEST)
    port.write(b"\x90\x3c")
    with pytest.raises(VerificationError, match="line 7: 64 was never sent"):
        port.close()
    port.close()  # said once
    port = replay(tmp_path)
    port.write(REQUEST + b"\x90\x3c\x64")
    with pytest.raises(VerificationError, match="nothing more has to be sent here, but FE was"):
        port.write(b"\xfe")


def test_the_first_failure_is_the_one_reported(tmp_path: Path) -> None:
    with pytest.raises(KeyError), replay(tmp_path):
        raise KeyError("mine")


def test_a_closed_port_is_gone(tmp_path: Path) -> None:
    port = replay(tmp_path, "# jx replay 1 bus\n")
    assert port.language == "bus"
    port.close()
    for act in (lambda: port.write(b"\xf1"), lambda: port.receive(0)):
        with pytest.raises(DeviceError):
            act()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no recorded conversation"),
        (b"> F0 F7\n", "no recorded conversation"),
        (b"# jx replay 2 midi\n", "no recorded conversation"),
        (b"# jx replay 1 midi\n> F0 F\n", "line 2"),
        (b"# jx replay 1 midi\n>\n", "line 2"),
        (b"# jx replay 1 midi\nF0 F7\n", "line 2"),
        (b"# jx replay 1 midi\n> hello\n", "line 2"),
        (b"\xff\xfe\x00", "not a text file"),
    ],
)
def test_files_that_are_no_conversation(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        replay(tmp_path, content)
    assert said in caught.value.message
    assert caught.value.hint


def test_no_file(tmp_path: Path) -> None:
    for url in ("replay:", f"replay:{tmp_path}", f"replay:{tmp_path}/none.txt"):
        with pytest.raises(DeviceError) as caught:
            open_port(url)
        assert caught.value.hint


def test_spy_prints_both_directions_and_its_lines_can_be_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def converse(port: Port) -> None:
        assert isinstance(port, ReceivingPort)
        port.write(REQUEST)
        assert [port.receive(0), port.receive(0), port.receive(0)] == [ANSWER, b"\xfe", b""]
        port.write(b"\x90\x3c\x64")

    with replay(tmp_path, scheme="spy:replay:") as port:
        converse(port)
    out, said = capsys.readouterr()
    assert out == ""
    assert said.splitlines()[2:] == [
        "< FE  # active sensing",
        "> 90 3C 64  # channel 1 note 60 on, velocity 100",
    ]
    with replay(tmp_path, "# jx replay 1 midi\n" + said) as port:
        converse(port)


def test_spy_says_what_a_sysex_message_means(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cutoff = "F0 41 36 00 24 20 01 22 10 F7"  # individual parameter 34: VCF FREQ
    with replay(tmp_path, f"# jx replay 1 midi\n> {cutoff}\n", scheme="spy:replay:") as port:
        port.write(bytes.fromhex(cutoff))
    line = capsys.readouterr().err
    assert line.startswith(f"> {cutoff}  # ")
    assert "VCF FREQ = 16" in line
