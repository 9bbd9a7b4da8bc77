"""Plausibility, on envelopes, names, intervals and tables whose answers follow from formulas."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import plausibility
from benchmarks.plausibility import CLASSES, FIGURES, LEFT_OUT, SOURCES, WIDEST
from jxctl.protocol.parameters import BY_NAME
from jxctl.protocol.tone import INIT_TONE
from simulator.synth import load_profile

RATE = 44100
ROOT = Path(__file__).resolve().parents[2]


def raws(**values: int) -> np.ndarray:
    named = {name.replace("_", " "): value for name, value in values.items()}
    return np.frombuffer(INIT_TONE.with_values(named).values, np.uint8)


def sine(seconds: float) -> tuple[np.ndarray, np.ndarray]:
    times = np.arange(round(seconds * RATE)) / RATE
    return times, np.sin(2 * np.pi * 440 * times)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("STRINGS 9", "strings"), ("Warm Strgs", "strings"), ("PLUCK STRG", None), ("RAINBOW", None),
        ("SOFT BRASS", "brass"), ("FOGHORN", None), ("TUBA", "brass"), ("TUBULAR", None),
        ("XYLO 2", "mallets"), ("LOGDRUM", "mallets"), ("GRND PIANO", "pianos"), ("E.PIANO 3", None),
        ("ELEC PIANO", None), ("SKY PAD", "pads"), ("PADDLE", None), ("PADS", "pads"), ("ORGANIC", None),
        ("PIPE ORGAN", "organs"), ("HIORGN", "organs"), ("FATBAS 2", "basses"), ("BASSOON", None),
        ("BASIC", None), ("BRASS BASS", None), ("TUB BELLS", "bells"), ("COWBELLS", None), ("", None),
    ],
)  # fmt: skip
def test_a_name_says_the_class_and_two_classes_say_none(name: str, kind: str | None) -> None:
    assert plausibility.instruments(name) == kind


@pytest.mark.parametrize("rise_s", [0.02, 0.3, 1.5])
def test_a_straight_attack_reaches_half_its_peak_at_half_its_time(rise_s: float) -> None:
    times, wave = sine(3)
    found = plausibility.attack(plausibility.envelope(wave * np.minimum(times / rise_s, 1), 69))
    # -6 dB is 0.5012; a window of two periods (4.5 ms) is squared, so that its later half weighs more.
    assert found == pytest.approx(0.5012 * rise_s, rel=0.01, abs=0.001)


def test_what_sounds_at_once_has_no_attack_and_silence_no_times() -> None:
    _, wave = sine(1)
    assert plausibility.attack(plausibility.envelope(wave, 69)) == 0
    silence = plausibility.envelope(np.zeros(RATE, np.float32), 69)
    assert math.isnan(plausibility.attack(silence))
    assert math.isnan(plausibility.decay(silence))
    assert math.isnan(plausibility.release(silence, 0.5))


@pytest.mark.parametrize("tau_s", [0.05, 0.4])
def test_a_decay_of_an_exponential_is_2_3_time_constants(tau_s: float) -> None:
    times, wave = sine(2)
    levels = plausibility.envelope(wave * np.exp(-times / tau_s), 69)
    assert plausibility.decay(levels) == pytest.approx(tau_s * math.log(10), rel=0.01, abs=0.002)
    held = plausibility.envelope(wave * np.maximum(np.exp(-times / tau_s), 0.2), 69)
    assert plausibility.decay(held) == math.inf


def test_a_release_counts_from_the_key_and_from_the_level_there() -> None:
    times, wave = sine(4)
    level = np.where(times < 1, 0.3, 0.3 * np.exp(-(times - 1) / 0.2))
    levels = plausibility.envelope(wave * level, 69)
    assert plausibility.release(levels, 1.0) == pytest.approx(0.2 * math.log(10), rel=0.01, abs=0.002)
    assert plausibility.release(plausibility.envelope(wave, 69), 1.0) == math.inf
    struck = plausibility.envelope(wave * np.exp(-times / 0.1), 69)  # -87 dB after 1 s
    assert math.isnan(plausibility.release(struck, 1.0))


def test_vibrato_is_read_from_the_laws_for_shallow_triangles_alone() -> None:
    triangle, square = BY_NAME["LFO WF"].start(2), BY_NAME["LFO WF"].start(1)
    tones = np.stack(
        [
            raws(DCO1_LFO=3, DCO2_LFO=10, LFO_RATE=100, LFO_WF=triangle),
            raws(DCO1_LFO=3, LFO_RATE=100, LFO_WF=square),
            raws(DCO1_LFO=90, LFO_RATE=100, LFO_WF=triangle),
            raws(DCO1_LFO=0, DCO2_LFO=0, LFO_RATE=100, LFO_WF=triangle),
        ]
    )
    profile = load_profile("superjx")
    found = plausibility.vibrato(tones, profile)
    assert found[0] == pytest.approx([profile.table("LFO RATE")[100], profile.table("DCO2 LFO")[10]])
    assert np.isnan(found[1:]).all()


def test_intervals_count_plain_pairs_by_range_tune_and_fine_tune() -> None:
    tune = BY_NAME["DCO2 TUNE"]
    at = {semitone: tune.start(tune.labels.index(f"{semitone:+d}")) for semitone in (-12, 1, 6, 7, 9, 12)}
    saw, noise = BY_NAME["DCO1 WF"].start(3), BY_NAME["DCO1 WF"].start(0)
    both = {"DCO1_WF": saw, "DCO2_WF": saw, "DCO_XMOD": 0, "MIX_DCO1": 100, "MIX_DCO2": 100}
    zero = {"DCO1_TUNE": tune.start(12), "DCO2_TUNE": tune.start(12), "DCO2_FTUNE": 64}
    plain = both | zero
    tones = np.stack(
        [
            raws(**plain),
            raws(**plain | {"DCO2_TUNE": at[12], "DCO2_RANGE": BY_NAME["DCO2 RANGE"].start(0)}),
            raws(**plain | {"DCO2_TUNE": at[7]}),
            raws(**plain | {"DCO1_TUNE": at[7]}),
            raws(**plain | {"DCO2_TUNE": at[9]}),
            raws(**plain | {"DCO2_TUNE": at[6]}),
            raws(**plain | {"DCO2_TUNE": at[1]}),
            raws(**plain | {"DCO2_FTUNE": 127}),  # half a semitone off
            raws(**plain | {"DCO2_TUNE": at[1], "DCO_XMOD": 96}),
            raws(**plain | {"DCO2_TUNE": at[1], "DCO1_WF": noise}),
            raws(**plain | {"DCO2_TUNE": at[1], "MIX_DCO2": 0}),
        ]
    )
    assert plausibility.intervals(tones, load_profile("superjx")) == {
        "pairs": 8, "unison, octave": 2, "fourth, fifth": 2, "third, sixth": 1, "dissonant": 3,
    }  # fmt: skip


def test_ranges_have_sources_and_are_no_wider_than_a_factor_of_four() -> None:
    for figure in FIGURES:
        assert figure.instruments in CLASSES
        assert 1 < figure.high / figure.low <= WIDEST * (1 + 1e-9), figure
        assert figure.sources, figure
        assert figure.stated
    assert {figure.instruments for figure in FIGURES} == set(CLASSES)
    assert set(SOURCES) == {source for figure in FIGURES for source in figure.sources}
    assert all(source.author and source.title and source.year and source.url for source in SOURCES.values())
    assert len(LEFT_OUT) > 3


def test_ranges_that_follow_from_physics() -> None:
    ranges = {(f.instruments, f.measure): (f.low, f.high) for f in FIGURES}
    # Q = 1 / loss; the amplitude falls by exp(-pi f t / Q), 20 dB is a factor of 10.
    bar = math.log(10) * (1 / 0.0045) / (math.pi * 440 * 2 ** (-9 / 12))
    assert ranges["mallets", "decay"] == pytest.approx((bar / 2, bar * 2), rel=1e-4)
    assert ranges["pianos", "decay"] == pytest.approx((1, 4))  # 20 dB at 10 dB/s is 2 s
    amplitudes = np.array([1, 0.67, 1, 1.8, 2.67, 1.67, 1.46, 1.33, 1.33, 1, 1.33])
    lengths_s = 13 * np.array([1, 0.9, 0.65, 0.55, 0.325, 0.35, 0.25, 0.2, 0.15, 0.1, 0.075])
    times = np.arange(0, 13, 0.001)
    power = (amplitudes[:, None] ** 2 * 10 ** (-6 * times / lengths_s[:, None])).sum(axis=0)
    fallen = times[np.argmax(power <= power[0] / 100)]
    assert ranges["bells", "decay"] == pytest.approx((fallen / 2, fallen * 2), rel=0.01)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Marimbas, a held string section, a bass that never sounds, and a name that says nothing."""
    struck = {"VCA MODE": 127, "ENV2 ATT": 0, "ENV2 SUS": 0, "ENV2 REL": 40, "ENV2 KEY": 0, "VCF FREQ": 127}
    rows = [
        {"name": "MARIMBA 7", **struck, "ENV2 DECY": 90}, {"name": "XYLO 7", **struck, "ENV2 DECY": 100},
        {"name": "STRINGS 7", **struck, "ENV2 SUS": 127, "ENV2 ATT": 80, "DCO1 LFO": 10, "LFO WF": 64},
        {"name": "MUTE BASS", **struck, "MIX DCO1": 0, "MIX DCO2": 0},
        {"name": "SEVEN", **struck, "ENV2 DECY": 90},
    ]  # fmt: skip
    init = {name: INIT_TONE.values[row.column] for name, row in BY_NAME.items() if row.is_tone}
    path = tmp_path / "tones.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["name", "origin", *init])
        writer.writeheader()
        writer.writerows([init | {"origin": "made"} | row for row in rows])
    return path


def test_a_table_is_measured_by_the_laws_of_the_profile(table: Path, tmp_path: Path) -> None:
    """The envelope of ``superjx`` falls as the cube of the time left: 20 dB in 0.536 of its time."""
    run = plausibility.measure(table)
    decays = load_profile("superjx").table("ENV2 DECY")
    found = {(row["class"], row["measure"]): row for row in run["figures"]}
    marimbas = found["mallets", "decay"]
    assert (marimbas["n"], run["classes"]["mallets"], run["tones"]) == (2, 2, 5)
    expected = (1 - 10 ** (-1 / 3)) * decays[[90, 100]].mean()
    assert marimbas["median"] == pytest.approx(expected, rel=0.03)
    assert marimbas["inside"] == (marimbas["range"][0] <= marimbas["median"] <= marimbas["range"][1])
    assert found["strings", "attack"]["n"] == 1
    assert found["strings", "attack"]["median"] > 0.01
    assert found["strings", "vibrato depth"]["from"] == "laws"
    assert (found["basses", "release"]["n"], found["basses", "release"]["inside"]) == (0, None)
    assert run["silent"] == {"everywhere": 1, "somewhere": 1, "notes": [36, 48, 60, 72, 84]}
    assert plausibility.measure(table)["figures"] == run["figures"]

    for label in ("old", "new", "old"):
        plausibility.keep(run, label, tmp_path)
    kept = json.loads((tmp_path / "plausibility.json").read_text())
    assert [other["label"] for other in kept["runs"]] == ["new", "old"]
    page = (tmp_path / "plausibility.md").read_text()
    assert page.index("## old") < page.index("## new") < page.index("## No range")
    assert "| mallets | chosen on it | decay, s (sound) | 2 | " in page
    assert all(source.url in page for source in SOURCES.values())


def test_the_command_prints_json_and_says_what_is_no_table(table: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.plausibility"]
    run = subprocess.run([*command, table, "--json"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout)["format"] == "jx-plausibility"
    (tmp_path / "none.csv").write_text("a,b\n1,2\n")
    bad = subprocess.run(
        [*command, tmp_path / "none.csv"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "no column is named after a parameter" in bad.stderr
    assert bad.returncode == 2


def test_every_class_has_tones_among_real_ones(shared: Path) -> None:
    with (shared / "data" / "tones_dev.csv").open(encoding="utf-8-sig") as file:
        kinds = [plausibility.instruments(row["name"]) for row in csv.DictReader(file)]
    assert all(kinds.count(kind) >= 8 for kind in CLASSES)
