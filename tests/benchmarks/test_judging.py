"""Judging by figures worked out by hand, on tones whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import baselines, tones_report
from benchmarks.files import Rows
from benchmarks.judging import row, table, target
from benchmarks.summary import expected_calibration_error, interval, summary
from estimator.inference.note_detection import Played
from estimator.inference.objective import Listener
from estimator.inference.posterior import from_prior
from estimator.network import parameters
from jxctl.errors import ToneError, UsageError
from jxctl.protocol.parameters import TONE_PARAMETERS
from jxctl.protocol.tone import INIT_TONE
from simulator.prior import Prior

INIT = np.frombuffer(INIT_TONE.values, np.uint8)


def entry(**values: int) -> tuple[int, str, str, np.ndarray]:
    named = {name.replace("_", " "): value for name, value in values.items()}
    return 3, "T", "bank", np.frombuffer(INIT_TONE.with_values(named).values, np.uint8)


def test_a_target_follows_from_its_index_and_seed_and_is_heard_at_six_notes() -> None:
    one, again, other = (target(entry(), seed, "superjx") for seed in (1, 1, 2))
    assert np.array_equal(one.recordings[0].audio, again.recordings[0].audio)
    assert one.recordings[0].played != other.recordings[0].played
    assert 40 <= one.recordings[0].played.note <= 79
    assert one.elsewhere.played.note != one.recordings[0].played.note
    many = target(entry(), 1, "superjx", "multi", Played(60, 100, 0.5))
    heard = [(r.played.note, r.played.velocity) for r in many.recordings]
    assert heard == [(n, v) for n in (48, 60, 72) for v in (60, 110)]
    assert target(entry(MIX_DCO1=0), 1, "superjx").silent
    assert not one.silent


def test_a_row_counts_only_what_can_be_heard() -> None:
    """Two raw steps of cutoff and a wrong wave; the LFO is off, its rate wherever it likes."""
    given = target(entry(VCF_FREQ=60), 1, "superjx")
    truth = row(given, given.choice, "superjx")
    assert truth["log_mel"] == pytest.approx(0, abs=1e-4)
    assert all(not any(errors) for errors in truth["levels"].values())
    assert all(all(right) for right in truth["switches"].values())
    wrong = parameters.classes(entry(VCF_FREQ=62, DCO1_WF=0x20, LFO_RATE=99)[3][None])[0]
    measured = row(given, wrong, "superjx")
    assert measured["levels"]["VCF"].count(2) == 1
    assert sum(map(sum, measured["levels"].values())) == 2
    assert "LFO" not in measured["levels"]
    assert measured["switches"]["DCO-1"].count(0) == 1
    assert measured["log_mel"] > 1
    assert measured["parameters"]["VCF FREQ"][0] == 2
    assert truth["parameters"]["VCF FREQ"] == [0, measured["parameters"]["VCF FREQ"][1]]


def test_figures_by_hand() -> None:
    rows = [
        {"log_mel": 1.0, "levels": {"VCF": [0, 4]}, "switches": {"DCO": [1]}},
        {"log_mel": 2.0, "levels": {"VCF": [2], "LFO": [10]}, "switches": {"DCO": [0, 1]}},
        {"log_mel": 6.0, "levels": {}, "switches": {}},
    ]
    made = summary(rows)
    assert made["log_mel"]["median"] == 2
    assert made["log_mel"]["mean"] == 3
    assert made["level_error"]["VCF"]["mean"] == 2
    assert made["level_error"]["all"]["mean"] == 4
    assert made["switch_accuracy"]["all"]["mean"] == pytest.approx(2 / 3)
    low, high = made["log_mel"]["median_ci"]
    assert low <= 2 <= high
    assert summary([]) == {"tones": 0}


def test_key_follow_and_dynamics_stand_beside_what_chance_would_say() -> None:
    rows = [
        {
            "levels": {},
            "switches": {},
            "parameters": {"VCF KEY": [4, 30], "ENV1 KEY": [0, 2], "VCF RES": [9, 9]},
        },
        {"levels": {}, "switches": {}, "parameters": {"VCF KEY": [8, 10], "ENV1 KEY": [1, 0]}},
        {"levels": {}, "switches": {}},
    ]
    assert summary(rows)["follows"] == {
        "VCF KEY": {"kind": "level", "count": 2, "guess": 6.0, "prior": 20.0},
        "ENV1 KEY": {"kind": "switch", "count": 2, "guess": 0.5, "prior": 0.5},
    }


def test_how_sure_the_network_was_is_said_parameter_by_parameter() -> None:
    base: dict[str, Any] = {"levels": {}, "switches": {}, "inside": {"50": [], "90": []}}
    rows = [
        base | {"parameters": {"DCO1 WF": [0, 0], "VCF KEY": [4, 30]}, "sure": [[0.9, 1], [0.1, 0]]},
        base | {"parameters": {"VCF KEY": [8, 10]}, "sure": [[0.3, 1]]},
    ]
    follows = summary(rows)["follows"]
    assert follows["VCF KEY"]["sure"] == pytest.approx(0.2)
    assert follows["VCF KEY"]["right"] == pytest.approx(0.5)


def test_the_interval_of_a_mean_is_that_of_theory() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    low, high = interval(values, np.mean)
    assert (high - low) / 2 == pytest.approx(1.96 * 2 / 20, rel=0.15)


def test_calibration_error_by_hand() -> None:
    """Of ten at 0.85 half came true, of ten at 0.35 all: off by 0.35 and 0.65."""
    pairs = [(0.85, k % 2) for k in range(10)] + [(0.35, 1)] * 10
    assert expected_calibration_error(np.array(pairs)) == pytest.approx(0.5)


def test_rows_go_on_after_a_cut_and_refuse_another_run(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    Rows(path, {"seed": 1}).add({"index": 0, "log_mel": 1.5})
    with path.open("a") as file:
        file.write('{"index": 1, "log')
    rows = Rows(path, {"seed": 1})
    assert rows.done(index=0) == {"index": 0, "log_mel": 1.5}
    assert rows.done(index=1) is None
    rows.add({"index": 1, "log_mel": 2.5})
    assert [json.loads(line).get("index") for line in path.read_text().splitlines()] == [None, 0, 1]
    with pytest.raises(UsageError, match="another run"):
        Rows(path, {"seed": 2})
    path.write_text("not json\n")
    with pytest.raises(UsageError, match="not a file of results"):
        Rows(path, {"seed": 1})


def test_tables_may_lack_columns_but_not_make_sense(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("VCF FREQ,origin,colour\n12,a,red\n13,b,blue\n")
    assert [int(e[3][TONE_PARAMETERS.index(p)]) for e in table(path) for p in TONE_PARAMETERS
            if p.name == "VCF FREQ"] == [12, 13]  # fmt: skip
    assert len(table(path, "b")) == len(table(path, limit=1)) == 1
    with pytest.raises(UsageError, match="no tone is of origin"):
        table(path, "c")
    for text in ("VCF FREQ\n200\n", "VCF FREQ\nred\n", "colour\nred\n", "VCF FREQ,VCF RES\n1\n", ""):
        path.write_text(text)
        with pytest.raises(ToneError):
            table(path)


def test_retrieval_finds_a_tone_that_is_in_the_pool() -> None:
    """The pool's own 77th tone comes back, whatever stands before it."""
    played = Played(57, 100, 0.4)
    tone = Prior.load().sample(baselines.CHUNK, np.random.default_rng((5, 0, 3)))[77]
    given = target((0, "T", "", tone), 5, "superjx", played=played)
    assert not given.silent
    ((found,),) = baselines.nearest([given], played, [300], 5, "superjx", 1)
    assert Listener(given.recordings, "superjx")(found[None])[0] < 1
    assert np.array_equal(found, given.choice)


def test_one_pool_serves_all_sizes_as_pools_of_their_own_would() -> None:
    """The 300th tone is in the larger pool alone; sizes need not fall on the ends of chunks."""
    played = Played(57, 100, 0.4)
    tone = Prior.load().sample(baselines.CHUNK, np.random.default_rng((5, 0, 3)))[299]
    given = target((0, "T", "", tone), 5, "superjx", played=played)
    small, large = baselines.nearest([given], played, [200, 600], 5, "superjx", 1)
    assert np.array_equal(large[0], given.choice)
    assert not np.array_equal(small[0], given.choice)
    assert np.array_equal(small[0], next(iter(baselines.nearest([given], played, [200], 5, "superjx", 1)))[0])


def test_baselines_keep_to_their_budgets() -> None:
    given = target(entry(VCF_FREQ=60), 1, "superjx")
    for way in (baselines.random_best, baselines.cma_alone):
        listener = Listener(given.recordings, "superjx")
        choice = way(listener, 70, np.random.default_rng(0))
        assert listener.renders == 70
        draws = listener(from_prior(70, np.random.default_rng(1)).draws)
        assert listener(choice[None])[0] < np.median(draws)


def test_the_page_sorts_by_distance_and_names_old_weights() -> None:
    base = {"levels": {"VCF": [1]}, "switches": {"VCF": [1]}, "seconds": 1.0}
    entries = [
        {"entry": name, "weights": weights, "renders": 10} | summary([base | {"log_mel": d}])
        for name, weights, d in (("far", "", 5.0), ("near", "old", 1.0))
    ]
    page = tones_report.markdown(
        {
            "settings": {"table": "t", "origin": "", "seed": 1, "played": [[60, 100, 1.0]]},
            "entries": entries, "silent": ["Q"], "present_weights": "new", "training": {},
            "machine": {"processor": "p", "cores": 2, "commit": "c"},
        }
    )  # fmt: skip
    assert page.index("near (weights old)") < page.index("| far |")
    assert "left out: Q" in page
