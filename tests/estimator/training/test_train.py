"""Training: repeatable, resumable, and its checkpoints are refused where they do not fit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from estimator.network import network
from estimator.training.synthetic import make_batch
from estimator.training.train import VALIDATION_SEED, TrainSettings, settings_of, train
from jxctl._files import FolderLock
from jxctl.errors import JxError, UsageError
from jxctl.protocol.parameters import table_hash

TINY = TrainSettings(tones=32, batch=8, width=16, validation=64, every=2, warm_up=2)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return dict(network.load(run / "model")[0].state_dict())


def test_a_batch_depends_on_seed_and_index_alone() -> None:
    first, again = make_batch(1, 5, 8, "superjx"), make_batch(1, 5, 8, "superjx", threads=2)
    assert torch.equal(first.views.mel, again.views.mel)
    assert torch.equal(first.views.partials, again.views.partials)
    assert torch.equal(first.target, again.target)
    assert not torch.equal(first.views.mel, make_batch(1, 6, 8, "superjx").views.mel)


def test_a_run_that_was_stopped_ends_like_one_that_was_not(tmp_path: Path) -> None:
    """Stopped in the middle, after a checkpoint and one more step: the same weights in the end."""

    def stop_at_third(steps: int, note: str) -> None:
        stop_at_third.seen += steps
        if stop_at_third.seen == 3:
            raise KeyboardInterrupt

    stop_at_third.seen = 0
    whole = train(tmp_path / "whole", TINY)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", TINY, stop_at_third)
    continued = train(tmp_path / "parts", TINY)
    assert whole["step"] == continued["step"] == 4
    ours, theirs = weights(tmp_path / "parts"), weights(tmp_path / "whole")
    for name, tensor in theirs.items():
        assert torch.allclose(ours[name].float(), tensor.float(), atol=2e-3), name


def test_training_learns(tmp_path: Path) -> None:
    history = train(tmp_path / "run", replace(TINY, tones=8 * 30, every=30, width=32))
    first = train(tmp_path / "start", replace(TINY, tones=8, every=1, width=32))
    assert history["validation"] < first["validation"] - 0.1


def test_a_run_is_not_continued_with_other_settings(tmp_path: Path) -> None:
    train(tmp_path / "run", TINY)
    with pytest.raises(UsageError, match="another seed"):
        train(tmp_path / "run", replace(TINY, seed=1))


def test_a_second_process_is_kept_out_of_a_run(tmp_path: Path) -> None:
    """Two would write each other's checkpoints over."""
    train(tmp_path, replace(TINY, tones=8))
    before = (tmp_path / "log.jsonl").read_bytes()
    lock = FolderLock(tmp_path)
    with pytest.raises(JxError, match="another process is training in") as caught:
        train(tmp_path, replace(TINY, tones=8))
    assert caught.value.hint
    assert (tmp_path / "log.jsonl").read_bytes() == before
    lock.release()
    train(tmp_path, replace(TINY, tones=8))


def test_what_is_wrong_is_named_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no profile is called nobody"):
        train(tmp_path / "run", replace(TINY, profile="nobody"))
    with pytest.raises(UsageError, match="judged by"):
        train(tmp_path / "run", replace(TINY, seed=VALIDATION_SEED))
    assert not (tmp_path / "run").exists()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot make the folder"):
        train(tmp_path / "file", TINY)


def test_a_damaged_run_is_named(tmp_path: Path) -> None:
    one = replace(TINY, tones=8, every=1)
    train(tmp_path / "run", one)
    (tmp_path / "run" / "latest.pt").write_bytes(b"garbage")
    with pytest.raises(UsageError, match=r"latest\.pt is damaged"):
        train(tmp_path / "run", one)
    (tmp_path / "run" / "settings.json").write_text("{")
    with pytest.raises(UsageError, match=r"settings\.json: not JSON"):
        train(tmp_path / "run", one)


def test_a_checkpoint_for_another_table_is_refused(tmp_path: Path) -> None:
    train(tmp_path / "run", TINY)
    config = tmp_path / "run" / "model.json"
    data = json.loads(config.read_text())
    assert data["table"] == table_hash()
    config.write_text(json.dumps(data | {"table": "0" * 16}))
    with pytest.raises(UsageError, match="another parameter table"):
        network.load(tmp_path / "run" / "model")


def test_missing_and_damaged_checkpoints_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no checkpoint"):
        network.load(tmp_path / "nothing")
    train(tmp_path / "run", TINY)
    file = tmp_path / "run" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(UsageError, match="cannot be read"):
        network.load(tmp_path / "run" / "model")


def test_the_shipped_checkpoint_fits_and_is_small() -> None:
    _, config = network.load()
    assert config["training"]["profile"] == "superjx"
    assert network.shipped().with_suffix(".safetensors").stat().st_size < 35e6


def test_a_run_begins_with_given_weights(tmp_path: Path) -> None:
    train(tmp_path / "first", TINY)
    train(
        tmp_path / "second",
        replace(TINY, tones=8, start=str(tmp_path / "first" / "model"), learning_rate=1e-9),
    )
    ours, theirs = weights(tmp_path / "second"), weights(tmp_path / "first")
    for name, tensor in theirs.items():
        if "running" not in name and "num_batches" not in name:
            assert torch.allclose(ours[name].float(), tensor.float(), atol=1e-3), name


def test_a_run_tells_its_settings(tmp_path: Path) -> None:
    train(tmp_path / "run", TINY)
    assert settings_of(tmp_path / "run") == TINY
    with pytest.raises(UsageError, match="holds no run"):
        settings_of(tmp_path)


def test_two_processes_learn_as_one_would_with_both_their_batches(tmp_path: Path) -> None:
    """torchrun on this machine: half the steps for as many sounds, one log, and a checkpoint that loads."""
    script = tmp_path / "run.py"
    script.write_text(
        "import json, sys\nfrom pathlib import Path\n"
        "from estimator.training.train import TrainSettings, train\n"
        "train(Path(sys.argv[1]), TrainSettings(**json.loads(sys.argv[2])))\n"
    )
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, str(script), str(tmp_path / "run"), json.dumps(asdict(TINY))]
    environment = os.environ | {"PYTHONPATH": str(Path.cwd()), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [(line["step"], line["tones"]) for line in lines] == [(2, 32)]
    model, _ = network.load(tmp_path / "run" / "model")
    assert all(torch.isfinite(tensor.float()).all() for tensor in model.state_dict().values())
