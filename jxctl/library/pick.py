"""One tone or patch out of a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from jxctl.errors import ToneError, UsageError
from jxctl.library.edit import single
from jxctl.library.files import read_library
from jxctl.library.formats import Loaded
from jxctl.protocol.bank import AnyTone, Bank, listed
from jxctl.protocol.tone import Tone


def any_tone(path: str | Path, number: int | None = None) -> AnyTone:
    """The tone of a file, of any format: its only one, or the one of that number, from 1.

    Raises `ToneError` when the file holds none, or several and no number is given.
    """
    return next(iter(one_tone(path, number).bank.tones.values()))


def one_tone(path: str | Path, number: int | None = None) -> Loaded:
    """As `any_tone`, with what is known of the file; the bank holds that tone alone."""
    loaded = read_library(path)
    tones = loaded.bank.tones
    if number is not None:
        return replace(loaded, bank=single(loaded.bank, "tone", number - 1))
    if not tones:
        raise ToneError(f"{path}: there is no tone in it", "jx bank show lists what a file holds")
    if len(tones) > 1:
        raise ToneError(
            f"{path}: it holds {listed(tones, 'tone')}", "say which with --slot; jx bank show lists them"
        )
    return replace(loaded, bank=replace(loaded.bank, patches={}))


def stock_tone(path: str | Path, number: int | None = None) -> Tone:
    """As `any_tone`, where only a tone of the stock firmware will do. Raises `ToneError` for a V4 tone."""
    tone = any_tone(path, number)
    if not isinstance(tone, Tone):
        raise ToneError(
            f"{path}: {tone.name!r} is a tone of Vecoven's V4 firmware",
            "jx bank convert --family mks70 makes stock tones of V4 tones, and says what is lost",
        )
    return tone


Kind = Literal["tone", "patch", "bank"]


def cargo(loaded: Loaded, tone: int | None = None, patch: int | None = None) -> tuple[Kind, Bank]:
    """What of a file is meant: the tone or patch of that number (from 1), or all there is.

    A bank of one tone is a tone, and one of a patch and its tones a patch. Raises `UsageError` for an
    empty slot, or both numbers at once.
    """
    bank = loaded.bank
    if tone is not None and patch is not None:
        raise UsageError("a tone and a patch at once", "give --slot or --patch")
    if tone is not None:
        return "tone", single(bank, "tone", tone - 1)
    if patch is not None:
        return "patch", single(bank, "patch", patch - 1)
    if len(bank.tones) == 1 and not bank.patches:
        return "tone", bank
    if len(bank.patches) == 1:
        (slot,) = bank.patches
        alone = single(bank, "patch", slot)
        if len(alone.tones) == len(bank.tones):
            return "patch", alone
    return "bank", bank
