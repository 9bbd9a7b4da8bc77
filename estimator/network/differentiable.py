"""Renders as a function that torch can differentiate, by finite differences.

No part of the simulator has to be differentiable: the backward pass takes the Jacobian that
`simulator.synth.jacobian` makes of renders a raw step to either side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from jxctl.errors import UsageError
from jxctl.protocol.parameters import parameter
from jxctl.protocol.tone import Tone
from simulator.synth import jacobian, render
from simulator.synth.jacobian import JACOBIAN_LEVELS

Features = Callable[[NDArray[np.float32]], NDArray[Any]]


class RenderFeatures(torch.autograd.Function):
    """Forward: features of renders. Backward: their Jacobian, a finite difference for each level.

    Args:
        values: raw values, float[N, levels], rounded and held within 0 to 127.
        tone: whose other values are kept.
        features: of sounds, float32[N, samples] to float[N, ...].
        levels: names of the levels.
        step: raw values to either side of a difference.
        options: of `simulator.synth.render`.

    Returns:
        Features of the renders, of the type of ``values``.

    Examples:
        >>> values = torch.tensor([[100.0]], requires_grad=True)
        >>> loudness = lambda audio: np.abs(audio).mean(axis=1)
        >>> RenderFeatures.apply(values, Tone.init(), loudness, ("VCA LEVEL",), 1, {"seconds": 0.2}).shape
        torch.Size([1])
    """

    @staticmethod
    def forward(
        ctx: Any, values: torch.Tensor, tone: Tone, features: Features, levels: Sequence[str], step: int,
        options: dict[str, Any],
    ) -> torch.Tensor:  # fmt: skip
        """Render and measure.

        Args:
            ctx: what `backward` needs is kept here.
            values, tone, features, levels, step, options: see the class.

        Returns:
            The features.
        """
        raw = np.clip(np.rint(values.detach().cpu().double().numpy()), 0, 127).astype(np.uint8)
        tones = np.tile(np.frombuffer(tone.values, np.uint8), (len(raw), 1))
        tones[:, [parameter(name).column for name in levels]] = raw
        ctx.asked = (tones, features, levels, step, options)
        ctx.like = values
        measured = np.asarray(features(render(tones, **_spread(options))))
        return torch.as_tensor(measured, dtype=values.dtype, device=values.device)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient by the values: a vector times each tone's Jacobian.

        Args:
            ctx: of `forward`.
            gradients: by the features.

        Returns:
            The gradient by each of the arguments of `forward`, None for all but the values.
        """
        (gradient,) = gradients
        tones, features, levels, step, options = ctx.asked
        rows = []
        for tone, above in zip(tones, gradient.detach().cpu().double().numpy(), strict=True):
            slopes = jacobian(tone, features, step=step, levels=levels, **options)
            rows.append(slopes.reshape(len(levels), -1) @ above.reshape(-1))
        by_value = torch.as_tensor(np.stack(rows), dtype=ctx.like.dtype, device=ctx.like.device)
        return by_value, None, None, None, None, None


def render_features(
    values: torch.Tensor,
    tone: Tone,
    features: Features,
    *,
    levels: Sequence[str] = JACOBIAN_LEVELS,
    step: int = 1,
    **options: Any,
) -> torch.Tensor:
    """Differentiable rendering: features of the sounds of a tone whose levels are a tensor.

    Args:
        values: raw values of the levels, float[levels] or float[N, levels]. They are rounded to whole
            numbers and held within 0 to 127, as an instrument has them; the gradient is as if they were not.
        tone: whose other values are kept.
        features: of sounds, float32[N, samples] to float[N, ...], one row a sound.
        levels: names of the levels, in the order of ``values``.
        step: 1 to 63 raw values to either side of a difference; greater steps smooth what is jagged.
        options: ``note``, ``velocity``, ``gate_s``, ``seconds``, ``profile``, ``sample_rate``, ``seed`` and
            ``threads``, as of `simulator.synth.jacobian`.

    Returns:
        Features, float[...] for one tone and float[N, ...] for N. A backward pass renders two sounds for each
        level and tone.

    Raises:
        UsageError: ``values`` has another shape, or what `simulator.synth.jacobian` and ``render`` raise.

    Examples:
        >>> values = torch.tensor([100.0], requires_grad=True)
        >>> loudness = lambda audio: np.abs(audio).mean(axis=1)
        >>> sound = render_features(values, Tone.init(), loudness, levels=["VCA LEVEL"], seconds=0.2)
        >>> sound.backward()
        >>> bool(values.grad[0] > 0)
        True
    """
    if values.ndim not in (1, 2) or values.shape[-1] != len(levels) or not values.is_floating_point():
        raise UsageError(
            f"values are float[{len(levels)}] or float[N, {len(levels)}], not "
            f"{str(values.dtype).removeprefix('torch.')}{list(values.shape)}",
            "one raw value for each level",
        )
    if not bool(torch.isfinite(values).all()):
        raise UsageError("some values are not finite")
    batch = values if values.ndim == 2 else values[None]
    measured = RenderFeatures.apply(batch, tone, features, tuple(levels), step, options)
    return measured if values.ndim == 2 else measured[0]


def _spread(options: dict[str, Any]) -> dict[str, Any]:
    """Options of `jacobian` as those of `render`, whose notes are many."""
    names = {"note": "notes", "velocity": "velocities", "gate_s": "gates_s"}
    return {names.get(name, name): value for name, value in options.items()}
