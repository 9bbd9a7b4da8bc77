"""Weights on disk: safetensors, and a JSON file that says what they are.

The JSON holds the hash of the parameter table. A checkpoint made for another table would answer with
the wrong parameters, so it is refused.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from estimator.network.network import Network, NetworkSettings
from jxctl._files import read_object, write_atomically
from jxctl._version import __version__
from jxctl.errors import JxError, UsageError
from jxctl.protocol.parameters import table_hash


def _with(path: Path, suffix: str) -> Path:
    """``path`` with a suffix added to its last part."""
    return path.with_name(path.name + suffix)


def shipped() -> Path:
    """The checkpoint that comes with jx, without its suffix."""
    return Path(str(resources.files("estimator") / "checkpoints" / "network"))


def load(path: Path | None = None) -> tuple[Network, dict[str, Any]]:
    """The network and its JSON, from ``path`` without suffix (default: the one that comes with jx).

    Weights are kept in 16 bits on disk and widened here. Raises `UsageError` for a missing or damaged
    checkpoint, or one of another parameter table.
    """
    path = path or shipped()
    if not _with(path, ".json").exists():
        raise UsageError(f"no checkpoint at {path}", "jx train makes one")
    try:
        config = read_object(_with(path, ".json"))
        weights = load_file(_with(path, ".safetensors"))
        if config["table"] != table_hash():
            raise UsageError(
                f"{path} was trained for another parameter table",
                "train again (jx train), or use the jx version in its JSON",
            )
        model = Network(NetworkSettings(**config["model"]))
        _check_fit(path, model, weights)
        model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    except JxError:
        raise
    except FileNotFoundError:
        raise UsageError(f"no checkpoint at {path}", "jx train makes one") from None
    except Exception as error:
        raise UsageError(f"checkpoint {path} cannot be read: {error}") from error
    return model.eval(), config


def _check_fit(path: Path, model: Network, weights: dict[str, torch.Tensor]) -> None:
    """Refuse weights of another network in one sentence; torch would list all of them."""
    wanted = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if wanted != {name: tensor.shape for name, tensor in weights.items()}:
        raise UsageError(
            f"{path} holds weights of another network than this jx has",
            "train again (jx train), or use the jx version in its JSON",
        )


def write(model: Network, path: Path, about: dict[str, Any]) -> None:
    """Write ``path``.safetensors and ``path``.json, each whole or not at all."""
    # Weights are learnt to far less than 16 bits; half the file is half the download.
    weights = {
        name: tensor.half() if tensor.is_floating_point() and "running" not in name else tensor
        for name, tensor in model.state_dict().items()
    }
    config = {"jx": __version__, "table": table_hash(), "model": model.settings.to_json(), **about}
    write_atomically(_with(path, ".safetensors"), save({k: v.contiguous() for k, v in weights.items()}))
    write_atomically(_with(path, ".json"), (json.dumps(config, indent=2) + "\n").encode())
