"""The network: what it draws has the probability it says, and later values cannot speak to earlier ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from estimator.network.inputs import Views
from estimator.network.network import ORDER, Network, NetworkSettings
from estimator.network.parameters import HEADS, LOGITS, classes
from simulator.prior import Prior

SMALL = NetworkSettings(channels=4, width=16, summary=24, decoder=32, layers=2, heads=2)


def network() -> Network:
    """With random weights everywhere: fresh ones let the decoder say nothing."""
    torch.manual_seed(3)
    made = Network(SMALL).eval()
    for out in made.decoder.out:
        torch.nn.init.normal_(out.weight, std=0.3)
    torch.nn.init.normal_(made.gain, std=0.3)
    return made


def views(count: int) -> Views:
    generator = torch.Generator().manual_seed(5)
    return Views(
        -80 * torch.rand((count, 96, 200), generator=generator),
        -80 * torch.rand((count, 168, 6), generator=generator),
        torch.rand((count, 4), generator=generator),
    )


def some_tones(count: int) -> torch.Tensor:
    return torch.from_numpy(classes(Prior.load().sample(count, np.random.default_rng(1))))


def log_probability(logits: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Sum over heads, from whole rows of logits: a plain form beside the step-by-step one."""
    total = torch.zeros(len(chosen))
    for k, head in enumerate(HEADS):
        total += torch.log_softmax(logits[:, head.start : head.stop], 1).gather(1, chosen[:, k, None])[:, 0]
    return total


@pytest.mark.parametrize("recordings", [1, 3])
def test_draws_have_the_probability_that_the_whole_network_gives_them(recordings: int) -> None:
    made, heard = network(), views(recordings)
    with torch.no_grad():
        drawn = made.draw(made.hear(heard, recordings), torch.ones(5), torch.Generator().manual_seed(0))
        again = Views(
            *(view.repeat(5, *[1] * (view.ndim - 1)) for view in (heard.mel, heard.partials, heard.known))
        )
        logits = made(again, drawn.classes, recordings)
    assert torch.allclose(drawn.likely, log_probability(logits, drawn.classes), atol=1e-3)
    for k, head in enumerate(HEADS):
        assert torch.allclose(drawn.said[k], torch.softmax(logits[:, head.start : head.stop], 1), atol=1e-4)


def test_a_value_speaks_to_later_ones_only() -> None:
    made, heard, tone = network(), views(1), some_tones(1)
    place = 12
    other = tone.clone()
    other[0, ORDER[place]] = (other[0, ORDER[place]] + 1) % HEADS[ORDER[place]].classes
    with torch.no_grad():
        changed = (made(heard, tone) - made(heard, other)).abs()[0]
    for at, k in enumerate(ORDER):
        moved = changed[HEADS[k].start : HEADS[k].stop].max()
        assert (moved == 0) if at <= place else (moved > 0), HEADS[k].parameter.name


def test_a_fresh_decoder_leaves_the_encoders_word() -> None:
    torch.manual_seed(0)
    made = Network(SMALL).eval()
    heard = views(2)
    with torch.no_grad():
        assert torch.equal(made(heard, some_tones(2)), made.encoder(heard).logits)


def test_what_is_fixed_stays_and_steers_the_rest() -> None:
    made = network()
    heard = made.hear(views(1))
    k = ORDER[0]
    drawn = made.draw(heard, torch.ones(20), torch.Generator().manual_seed(0), fixed={k: 7})
    assert (drawn.classes[:, k] == 7).all()
    free = made.draw(heard, torch.ones(20), torch.Generator().manual_seed(0), fixed={k: 90})
    assert not torch.allclose(drawn.said[ORDER[1]], free.said[ORDER[1]])


def test_no_temperature_takes_the_likeliest() -> None:
    made = network()
    drawn = made.draw(made.hear(views(1)), torch.zeros(3), torch.Generator().manual_seed(9))
    for k in range(len(HEADS)):
        assert (drawn.classes[:, k] == drawn.said[k].argmax(1)).all()


def test_the_order_of_recordings_does_not_matter() -> None:
    made, heard, tone = network(), views(3), some_tones(1)
    turned = Views(*(view[[2, 0, 1]] for view in (heard.mel, heard.partials, heard.known)))
    with torch.no_grad():
        assert torch.allclose(made(heard, tone, 3), made(turned, tone, 3), atol=1e-4)


def test_every_head_is_said_once() -> None:
    assert sorted(ORDER) == list(range(len(HEADS)))
    assert network()(views(1), some_tones(1)).shape == (1, LOGITS)
