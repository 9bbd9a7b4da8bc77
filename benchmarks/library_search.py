"""Search by sound in a player's library: is the true tone found, and how long does it take?

::

    python -m benchmarks.library_search --tones ../shared/data/tones_dev.csv
    python -m benchmarks.library_search --tones ../shared/data/tones_dev.csv --key found --queries 20

The library holds the tones of the table and tones of the prior up to ``--size``. ``--queries`` tones of the
table are recorded at notes that the library has no fingerprint of (drawn from 40 to 84), with gates from 0.4
to 1.8 s, oscillators, LFO and chorus running free from a seed of their own, and an interface's noise at
``--noise`` dBFS (RMS) from 0.3 s before the note to the end, as 24-bit WAV. A tone that is less than 20 dB
above the noise at its note is recorded at none and another one is taken; how many is said.

``--key given``: the search is told key and gate. ``--key found``: `load_recording` finds both in the file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.machine import describe
from estimator.inference.note_detection import load_recording
from jxctl.errors import AudioError, UsageError
from jxctl.librarian import fingerprint, sound
from jxctl.librarian.importing import import_paths
from jxctl.librarian.index import Library
from jxctl.protocol.tone import Tone, write_tone
from simulator.prior import Prior, read_table
from simulator.synth import SAMPLE_RATE, render

LEAD_S, TAIL_S = 0.3, 1.0
NOTES = (40, 84)
GATES_S = (0.4, 1.8)
ABOVE_NOISE_DB = 20.0
SEED = 2026


def library_tones(table: Path, size: int, seed: int) -> tuple[np.ndarray, int]:
    """uint8[size, 48], the table's first, and how many those are."""
    real = read_table(table)[0]
    drawn = Prior.load().sample(4 * size, np.random.default_rng(seed))
    audible = np.abs(render(drawn, 60, 100, 1.0, 1.0)).max(axis=1) > fingerprint.AUDIBLE
    return np.concatenate([real, drawn[audible]])[:size], min(len(real), size)


def recordings(
    tones: np.ndarray, count: int, noise_dbfs: float, seed: int, folder: Path
) -> list[dict[str, Any]]:
    """Record ``count`` of the tones: which row, key, gate and file; ``passed`` counts those too quiet."""
    rng = np.random.default_rng(seed)
    laws = fingerprint.free_profile()
    rows: list[dict[str, Any]] = []
    passed = 0
    for row in rng.permutation(len(tones)):
        note = int(rng.choice([n for n in range(NOTES[0], NOTES[1] + 1) if n not in fingerprint.NOTES]))
        gate_s, start = float(rng.uniform(*GATES_S)), int(rng.integers(1 << 30))
        audio = render(tones[row], note, 100, gate_s, gate_s + TAIL_S, profile=laws, seed=start)[0]
        if 10 * np.log10(np.mean(np.square(audio)) + 1e-20) < noise_dbfs + ABOVE_NOISE_DB:
            passed += 1
            continue
        whole = np.concatenate([np.zeros(round(LEAD_S * SAMPLE_RATE), np.float32), audio])
        whole = whole + rng.standard_normal(len(whole)) * 10 ** (noise_dbfs / 20)
        path = folder / f"{len(rows)}.wav"
        soundfile.write(path, whole / max(1.0, float(np.abs(whole).max())), SAMPLE_RATE, subtype="PCM_24")
        rows.append({"row": int(row), "note": note, "gate_s": gate_s, "file": path, "passed": passed})
        if len(rows) == count:
            break
    return rows


def run(table: Path, size: int, queries: int, noise: float, key: str, seed: int) -> dict[str, Any]:
    """Build the library, record, search; ranks of the true tone and times."""
    tones, real = library_tones(table, size, seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tones").mkdir()
        for row, values in enumerate(tones):
            write_tone(Tone(bytes(values)).named(f"T{row}"), folder / "tones" / f"{row:04}.json")
        asked = recordings(tones[:real], queries, noise, seed, folder)
        with Library(folder / "library.sqlite", create=True) as library:
            begin = time.perf_counter()
            import_paths(library, [folder / "tones"])
            imported = time.perf_counter()
            sound.update(library)
            described = time.perf_counter()
            ranks, took, octaves = [], [], 0
            for query in asked:
                rank, seconds, shifted = _searched(library, query, key)
                ranks.append(rank)
                took.append(seconds)
                octaves += shifted
    return {
        "format": "jx.library-search", "version": 1, "machine": describe(), "seed": seed, "tones": len(tones),
        "recordings": len(asked), "too_quiet": asked[-1]["passed"] if asked else 0, "noise_dbfs": noise,
        "key": key, "other_pitch": octaves,
        "first": sum(rank == 1 for rank in ranks) / len(ranks),
        "among_five": sum(rank <= 5 for rank in ranks) / len(ranks),
        "ranks": ranks, "search_s": statistics.median(took), "longest_s": max(took),
        "import_s": imported - begin, "fingerprints_s": described - imported,
    }  # fmt: skip


def _searched(library: Library, query: dict[str, Any], key: str) -> tuple[int, float, bool]:
    """Rank of the true tone (a hundred where it is not found), seconds, whether another pitch was found."""
    given = key == "given"
    try:
        loaded = load_recording(
            query["file"], query["note"] if given else None, 100, query["gate_s"] if given else None
        )
    except AudioError:
        return 100, 0.0, True
    note = loaded.recording.played.note + (0 if given else loaded.found.cents / 100)
    begin = time.perf_counter()
    found = sound.SoundIndex(library).find(
        loaded.recording.audio, note, loaded.recording.played.gate_s, key_is_given=given, count=sound.RENDERED
    )
    took = time.perf_counter() - begin
    names = [match.tone.name for match in found]
    true = f"T{query['row']}"
    return names.index(true) + 1 if true in names else 100, took, round(note) != query["note"]


def main() -> None:
    """Print what came out, as a table or JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tones", type=Path, required=True, help="table of real tones")
    parser.add_argument("--size", type=int, default=500)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--noise", type=float, default=-66.0, help="dBFS, RMS")
    parser.add_argument("--key", choices=("given", "found"), default="given")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        result = run(options.tones, options.size, options.queries, options.noise, options.key, options.seed)
    except UsageError as error:
        sys.exit(f"{error.message}\n{error.hint}")
    if options.json:
        print(json.dumps(result, indent=1))
        return
    print(
        f"{result['recordings']} recordings among {result['tones']} tones, key {result['key']}: "
        f"first {result['first']:.0%}, among five {result['among_five']:.0%}; "
        f"a search takes {result['search_s']:.2f} s (median), {result['longest_s']:.2f} s (longest); "
        f"import {result['import_s']:.1f} s, fingerprints {result['fingerprints_s']:.1f} s"
    )
    print(
        "not first:", [rank for rank in result["ranks"] if rank > 1], "another pitch:", result["other_pitch"]
    )


if __name__ == "__main__":
    main()
