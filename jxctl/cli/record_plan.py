"""Which takes ``jx record`` plays: its options as a `jxctl.recording.plan.Plan`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jxctl.errors import UsageError

if TYPE_CHECKING:
    from jxctl.protocol.tone import Tone
    from jxctl.recording.plan import Plan, Tones

PRIOR, DESIGN = "prior", "design"

# Tones are drawn in blocks of this size, each with a generator of its own, so that tone k depends on
# the seed and k alone and a longer run begins with the same tones. Another size is other tones.
_BLOCK = 256


def plan(
    sources: Sequence[str],
    count: int | None,
    seed: int,
    notes: Sequence[str],
    velocities: Sequence[str],
    gates: Sequence[str],
    max_seconds: float,
    per_tone: int | None,
    reference: Path | None,
    every: int | None,
) -> Plan:
    """The plan that the options of the command describe. Raises `UsageError`."""
    from jxctl.library.files import stock_tone
    from jxctl.protocol.tone import INIT_TONE
    from jxctl.recording import plan as plans

    note_numbers = [int(number) for number in numbers(notes, "--notes", whole=True)]
    velocity_numbers = [int(number) for number in numbers(velocities, "--velocities", whole=True)]
    gates_s = numbers(gates, "--gates")
    for note in note_numbers:
        plans.check_note(note, 1, plans.SHORTEST_GATE_S, 1.0)
    repeated: Tone | None = None
    if reference is not None:
        repeated = stock_tone(reference)
    elif every is not None:
        repeated = INIT_TONE
    return plans.Plan(
        tones(sources, count, seed),
        note_numbers,
        velocity_numbers,
        gates_s,
        max_seconds,
        per_tone=per_tone,
        reference=repeated,
        every=100 if every is None else every,
        seed=seed,
    )


def tones(sources: Sequence[str], count: int | None, seed: int) -> Tones:
    """The tones of ``--from``: ``prior``, ``design``, or those in files, at most ``count``."""
    words = [source for source in sources if source in (PRIOR, DESIGN)]
    if words and len(sources) > 1:
        raise UsageError(f"--from {words[0]} goes with no other --from", "record each into its own folder")
    if words == [PRIOR]:
        if count is None:
            raise UsageError("how many tones are to be drawn?", "--tones N")
        return _drawn(count, seed)
    if words == [DESIGN]:
        from jxctl.recording.plan import design, sweeps

        return design(len(sweeps()) if count is None else count, seed)
    found = [tone for source in sources for tone in _in_file(Path(source))]
    if count is not None and count > len(found):
        raise UsageError(f"--tones is {count}, and there are {len(found)}", "leave it out for all")
    return found[:count]


def numbers(given: Sequence[str], option: str, whole: bool = False) -> list[float]:
    """Numbers given one by one or with commas, such as ``36,48``. Raises `UsageError`."""
    found: list[float] = []
    for text in given:
        for part in text.split(","):
            try:
                found.append(int(part) if whole else float(part))
            except ValueError:
                kind = "whole numbers" if whole else "seconds"
                raise UsageError(f"{option}: {part!r} is no number", f"{kind}, such as 36,48") from None
    return found


def _in_file(path: Path) -> list[Tone]:
    """The stock tones of a file, in order."""
    from jxctl.library.files import read_library
    from jxctl.protocol.tone import Tone

    held = list(read_library(path).bank.tones.values())
    stock = [tone for tone in held if isinstance(tone, Tone)]
    if not stock:
        raise UsageError(f"{path}: there is no tone of the stock firmware in it", "jx bank show lists them")
    if len(stock) < len(held):
        raise UsageError(
            f"{path} holds tones of Vecoven's V4 firmware",
            "jx bank convert --family mks70 makes stock tones of them, and says what is lost",
        )
    return stock


def _drawn(count: int, seed: int) -> Tones:
    import numpy as np

    from jxctl.protocol.tone import from_batch
    from jxctl.recording.plan import DrawnTones
    from simulator.prior import Prior

    prior = Prior.load()

    def draw(block: int) -> list[Tone]:
        return from_batch(prior.sample(_BLOCK, np.random.default_rng([seed, block])), "PRIOR")

    return DrawnTones(count, draw, _BLOCK)
