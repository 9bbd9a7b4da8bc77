"""Banks into files, with the account of what was read, and what the file that is written does not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jxctl._files import write_atomically
from jxctl.errors import UsageError
from jxctl.library.edit import converted, counted, merge, parts
from jxctl.library.files import encoded, format_for, unsaid, without_room, writes_added
from jxctl.library.formats import FORMATS, Loaded, Origin
from jxctl.protocol.account import Account
from jxctl.protocol.bank import Bank, FamilyName


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written: ``size`` bytes of ``format`` in ``output``.

    ``lost``: what it does not say of its sources; ``notes``: what moved; ``account`` of reading the sources;
    ``writes_added``: whether it overwrites slots of a JX-8P when it is played to one, and its source did not.
    """

    output: Path
    format: str
    bank: Bank
    size: int
    account: Account
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    writes_added: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        data = {"output": str(self.output), "format": self.format, "family": self.bank.family}
        counts = {"bytes": self.size, "patches": len(self.bank.patches), "tones": len(self.bank.tones)}
        said = {"lost": self.lost, "notes": self.notes, "problems": self.account.problems}
        return data | counts | said | {"account": self.account.to_json()}

    def remarks(self) -> list[str]:
        """What a player should know besides, a line each."""
        lines = self.account.lines
        said = ["notes on what was read:", *(f"  {line}" for line in lines)] if lines else []
        said += [f"lost: {line}" for line in self.lost]
        if self.writes_added:
            said.append("added: messages that write each tone to its slot, which the file had not")
        return said

    def text(self) -> str:
        """In words."""
        title = FORMATS[self.format].title
        done = f"{self.output}: {title}, family {self.bank.family}, {counted(self.bank)}"
        return "\n".join([*self.notes, done])


def save(
    bank: Bank,
    sources: Sequence[Loaded],
    output: str | Path,
    *,
    format: str | None = None,
    form: str | None = None,
    channel: int | None = None,
    lost: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Saved:
    """Write a bank that was made of ``sources``.

    Args:
        bank: what is written.
        sources: what was read; of the first one form, channel and bytes that nobody understands are kept.
        output: the file, replaced when it is there.
        format: a name in `FORMATS`; by the ending where None.
        form: ``bulk`` or ``sets``, how SysEx is laid out; as the first source where None.
        channel: MIDI channel in SysEx, 0-15; as the first source where None.
        lost, notes: what making the bank lost and moved, in words.

    Returns:
        What was written and what was lost.

    Raises:
        UsageError: the format, or the instrument, cannot hold the bank.
        JxError: it cannot be written.
    """
    output = Path(output)
    name = format_for(output, format)
    if form not in (None, "bulk", "sets"):
        raise UsageError(f"there is no form {form!r}", "forms are bulk and sets")
    if form == "bulk" and bank.family == "jx8p":
        raise UsageError("a JX-8P has no bulk dump", "leave out --form")
    first = sources[0]
    if first.image and name == "cartridge" and not bank.tones:
        content = first.image
    else:
        content = encoded(bank, name, asked_origin(first, form, channel))
    whole = content == first.origin.data
    left = [line for loaded in sources for line in unsaid(loaded, name, content)]
    if len(sources) == 1 and len(first.banks) > 1 and not whole and name != "json":
        others = [str(n) for n in range(1, len(first.banks) + 1) if n != first.number]
        left.append(f"the other banks of the file ({', '.join(others)}); --bank takes one of them")
    account = Account()
    for loaded in sources:
        account += loaded.account
    write_atomically(output, content)
    return Saved(
        output,
        name,
        bank,
        len(content),
        account,
        list(dict.fromkeys([*lost, *left, *without_room(bank, name, content)])),
        list(notes),
        any(writes_added(loaded, name, content) for loaded in sources),
    )


def convert(loaded: Loaded, family: FamilyName | None) -> tuple[Bank, list[str]]:
    """The bank of a file for a family (its own where None), and what that family cannot say."""
    if family is None:
        return loaded.bank, []
    if _takes_any(loaded, family):
        return replace(loaded.bank, family=family), []
    return converted(loaded.bank, family)


def merge_files(files: Sequence[Loaded], together: bool = False) -> tuple[Bank, list[str], list[str]]:
    """One bank of all banks of several files, what was lost on the way, and what moved, in words.

    Tones of a JX-8P and of a MKS-70 are the same bytes: banks of tones alone become banks of the family of
    the others. Raises `UsageError` as `jxctl.library.edit.merge`.
    """
    family = _common_family(files)
    lost: list[str] = []
    banks = []
    for loaded in files:
        for bank in loaded.banks:
            if _takes_any(loaded, family):
                bank = replace(bank, family=family)
            elif {bank.family, family} == {"jx8p", "mks70"} and not bank.patches:
                bank, missed = converted(bank, family)
                lost += missed
            banks.append(bank)
    merged = merge(banks, together)
    return merged.bank, lost, merged.notes


def split_file(
    loaded: Loaded,
    folder: str | Path,
    by: int | None = 1,
    *,
    tones_only: bool = False,
    format: str = "json",
    all_banks: bool = True,
    overwrite: bool = False,
) -> list[Path]:
    """Write the banks of a file as parts into a folder, slots unchanged.

    Args:
        loaded: what was read.
        folder: made where it is not there.
        by: patches in a part, each with its tones (or tones, with ``tones_only``); None: a file a bank.
        tones_only: leave the patches out.
        format: of the parts, a name in `FORMATS`.
        all_banks: of all banks of the file; else of the one that is meant.
        overwrite: replace files that are there.

    Returns:
        The files, in order.

    Raises:
        UsageError: a file is there, and nothing is written then; or the format cannot hold a part.
        JxError: the folder cannot be written.
    """
    folder = Path(folder)
    format = format_for(folder / "part", format)
    chosen = loaded.banks if all_banks else (loaded.bank,)
    made: list[tuple[str, Bank]] = []
    for number, bank in enumerate(chosen, start=1):
        held = replace(bank, patches={}) if tones_only else bank
        pieces = [held] if by is None else parts(replace(held, rest=b""), by)
        digits = len(str(len(pieces)))
        for index, piece in enumerate(pieces, start=1):
            count = f"{number}" if by is None else f"{index:0{digits}}"
            prefix = f"{number}-" if by is not None and len(chosen) > 1 else ""
            made.append((f"{prefix}{count} {_title(piece)}", piece))
    paths = [folder / f"{stem}{FORMATS[format].endings[0]}" for stem, _ in made]
    contents = [encoded(part, format, asked_origin(loaded, None, None)) for _, part in made]
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder", "give a folder that is new or empty")
    for path in paths:
        if path.exists() and not overwrite:
            raise UsageError(f"{path} is there already", "--force replaces it")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {error.strerror}") from error
    for path, content in zip(paths, contents, strict=True):
        write_atomically(path, content)
    return paths


def asked_origin(loaded: Loaded, form: str | None, channel: int | None) -> Origin:
    """What the bank came from, its form and channel (0-15) as asked for."""
    origin = loaded.origin
    asked = replace(
        origin,
        form=origin.form if form is None else form,
        channel=origin.channel if channel is None else channel,
    )
    # Another form or channel means other bytes than those the file had.
    return asked if asked == origin else replace(asked, data=b"")


def _takes_any(loaded: Loaded, family: FamilyName) -> bool:
    """Whether the file says nothing of a family, and this one holds its tones as they are."""
    return loaded.neutral and family != "vecoven4"


def _common_family(files: Sequence[Loaded]) -> FamilyName:
    found = [bank.family for loaded in files if not loaded.neutral for bank in loaded.banks]
    patched = [bank.family for loaded in files for bank in loaded.banks if bank.patches]
    return next(iter([*patched, *found, files[0].bank.family]))


def _title(part: Bank) -> str:
    """A file name for a part: what its first patch or tone is called."""
    first = next(iter([*part.patches.values(), *part.tones.values()]))
    name = first.name or next((tone.name for tone in part.tones.values()), "")
    return "".join(c if c.isalnum() or c in "-+" else "_" for c in name).strip("_") or "part"
