"""What survives damage: every undamaged message is read, nothing is invented, every loss is named.

Three dumps, damaged one way at a time: MKS-70 bulk messages, JX-8P tones with write messages, and V4 bulk
messages. A message is undamaged when none of its bytes was touched.
"""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from jxctl.errors import ToneError
from jxctl.library.files import load
from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import BulkPatch, BulkTone, PatchData, Program, ToneData, decode_file, messages_of
from jxctl.protocol.tone import INIT_TONE
from jxctl.protocol.vecoven_tone import from_stock

TONES = {n: INIT_TONE.named(f"TONE {n}").with_values({"VCF FREQ": n, "LFO RATE": 127 - n}) for n in range(50)}
PATCHES = {n: Patch.init(f"PATCH {n}").with_values({"BALANCE": n}).with_tones(n % 50, 49) for n in range(64)}
BANKS = [
    Bank("mks70", PATCHES, TONES),
    Bank("jx8p", {}, {n: TONES[n] for n in range(32)}),
    Bank("vecoven4", PATCHES, {n: from_stock(tone)[0] for n, tone in TONES.items()}),
]
MESSAGES = [[message.encoded() for message in messages_of(bank)] for bank in BANKS]
which = st.integers(0, len(BANKS) - 1)
spot = st.floats(0, 0.999999)
CONTENT = (BulkPatch, BulkTone, ToneData, PatchData, Program)


def check(number: int, damaged: list[bytes], untouched: list[bytes], *, exact: bool = True) -> None:
    """Read ``damaged``: all of ``untouched`` is there in order, and what else is there is named."""
    data = b"".join(damaged)
    found = decode_file(data)
    read = [item.encoded() for item in found.items if isinstance(item, CONTENT)]
    left = iter(read)
    assert all(message in left for message in untouched), "an undamaged message is not read"
    originals = set(MESSAGES[number])
    repaired = {repair.message.encoded() for repair in found.repaired}
    if exact:
        assert [m for m in read if m not in originals and m not in repaired] == [], "invented"
    loaded = load(data)
    assert loaded.account.whole == (sorted(read) == sorted(MESSAGES[number]) and not found.repaired and (
        not any(not item.harmless and not item.foreign for item in loaded.unused)
    ))  # fmt: skip


@given(which, st.lists(spot, min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_dropped_bytes_cost_their_message_and_are_named(number: int, spots: list[float]) -> None:
    messages = list(MESSAGES[number])
    touched = set()
    for where in spots:
        index = int(where * len(messages))
        message = messages[index]
        cut = int(where * 7919) % max(1, len(message))
        messages[index] = message[:cut] + message[cut + 1 :]
        touched.add(index)
    untouched = [message for n, message in enumerate(MESSAGES[number]) if n not in touched]
    check(number, messages, untouched)


@given(which, spot, st.integers(0, 7))
@settings(max_examples=40, deadline=None)
def test_a_flipped_bit_changes_at_most_its_message(number: int, where: float, bit: int) -> None:
    messages = list(MESSAGES[number])
    data = b"".join(messages)
    at = int(where * len(data))
    flipped = data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :]
    index, start = 0, 0
    while start + len(messages[index]) <= at:
        start += len(messages[index])
        index += 1
    messages[index] = flipped[start : start + len(messages[index])]
    untouched = [message for n, message in enumerate(MESSAGES[number]) if n != index]
    found = decode_file(b"".join(messages))
    read = [item.encoded() for item in found.items if isinstance(item, CONTENT)]
    left = iter(read)
    assert all(message in left for message in untouched)
    # A low bit of a value is another value: no checksum would tell. Nothing else is there.
    assert len(read) <= len(messages)
    if bit == 7 and 7 <= at - start < len(messages[index]) - 1 and flipped[at] not in (0xF0, 0xF8, 0xFE):
        assert MESSAGES[number][index] in read, "bit 7 of a value is masked"
        assert found.repaired
    banks = load(b"".join(messages)).banks
    assert sum(len(bank.tones) + len(bank.patches) for bank in banks) <= len(BANKS[number].tones) + len(
        BANKS[number].patches
    )


@given(which, st.lists(st.tuples(spot, st.binary(min_size=1, max_size=5)), min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_bytes_between_messages_cost_nothing_but_are_named(
    number: int, inserts: list[tuple[float, bytes]]
) -> None:
    messages = list(MESSAGES[number])
    for where, junk in inserts:
        # A begun message would swallow what follows, as on a wire; so would a half of one.
        clean = bytes(byte for byte in junk if byte < 0x80) or b"\x00"
        index = int(where * len(messages))
        messages[index] = clean + messages[index]
    check(number, messages, MESSAGES[number])
    assert load(b"".join(messages)).account.skipped


@given(which, spot)
@settings(max_examples=25, deadline=None)
def test_what_is_cut_short_is_read_as_far_as_it_goes(number: int, where: float) -> None:
    data = b"".join(MESSAGES[number])
    end = max(int(where * len(data)), len(MESSAGES[number][0]) + 20)
    size, untouched = 0, []
    for message in MESSAGES[number]:
        size += len(message)
        if size > end:
            break
        untouched.append(message)
    check(number, [data[:end]], untouched)


@given(which)
@settings(max_examples=3, deadline=None)
def test_text_mode_is_undone_to_the_byte(number: int) -> None:
    data = b"".join(MESSAGES[number])
    assert load(data.replace(b"\n", b"\r\n"), text_mode=True).origin.data == data


@given(st.lists(which, min_size=2, max_size=3))
@settings(max_examples=8, deadline=None)
def test_files_behind_one_another_are_banks_of_their_own(numbers: list[int]) -> None:
    loaded = load(b"".join(b"".join(MESSAGES[number]) for number in numbers))
    wanted = {BANKS[number].family: BANKS[number] for number in numbers}
    assert {bank.family: bank for bank in loaded.banks} == wanted
    assert bool(loaded.account.duplicated) == (len(set(numbers)) < len(numbers))
    assert loaded.account.whole


@given(which, st.lists(spot, min_size=1, max_size=6), st.sampled_from([b"\xf8", b"\xfe"]))
@settings(max_examples=20, deadline=None)
def test_interleaved_realtime_and_other_messages_change_nothing(
    number: int, spots: list[float], tick: bytes
) -> None:
    messages = list(MESSAGES[number])
    for where in spots:
        index = int(where * len(messages))
        message = messages[index]
        cut = int(where * 7919) % len(message)
        other = b"\xf0\x43\x10\x4c\x00\x00\x7e\x00\xf7" if index % 2 else b"\x90\x3c\x40"
        messages[index] = other + message[:cut] + tick + message[cut:]
    loaded = load(b"".join(messages))
    assert loaded.bank == BANKS[number]
    assert loaded.account.whole
    assert loaded.account.foreign


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    found = decode_file(data)
    assert all(item.offset is not None for item in found.items)
    with suppress(ToneError):
        load(data)
