"""Draw one figure for each group of parameters, from renders.

::

    python -m tools.docs.figures              # all of them, into docs/figures/
    python -m tools.docs.figures VCF LFO      # some groups

Each figure sweeps a few parameters of its group and shows what the sound does; docs/figures.md shows them.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from PIL import Image

from jxctl._files import write_atomically
from jxctl.errors import UsageError
from tools.docs.figures import control, sound
from tools.docs.figures.drawing import LOOK
from tools.terminal import in_words

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs" / "figures"

FIGURES: dict[str, tuple[Callable[[Sequence[Axes]], None], int]] = {
    "DCO-1": (sound.dco_1, 3),
    "DCO-2": (sound.dco_2, 3),
    "DCO": (sound.dco, 2),
    "MIXER": (sound.mixer, 3),
    "HPF": (sound.hpf, 1),
    "VCF": (sound.vcf, 3),
    "VCA": (sound.vca, 3),
    "CHORUS": (sound.chorus, 4),
    "LFO": (control.lfo, 3),
    "ENV-1": (control.env_1, 3),
    "ENV-2": (control.env_2, 4),
    "AFTERTOUCH": (control.aftertouch, 3),
    "PERFORMANCE": (control.performance, 3),
}
"""Group of the parameter table -> what draws it, and on how many axes."""


def path_of(group: str) -> Path:
    """Where a group's figure lies."""
    return FOLDER / f"{group.lower()}.png"


def drawn(group: str) -> bytes:
    """A group's figure as a PNG of about 1000 by 300 points."""
    draw, count = FIGURES[group]
    with plt.rc_context(LOOK):
        figure, axes = plt.subplots(
            1, count, figsize=(10 if count > 1 else 5, 3), squeeze=False, layout="constrained"
        )
        draw(list(axes[0]))
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=100)
        plt.close(figure)
    # Few colours are enough for lines, and make a third of the size.
    small = io.BytesIO()
    Image.open(picture).convert("RGB").quantize(48, dither=Image.Dither.NONE).save(
        small, "PNG", optimize=True
    )
    return small.getvalue()


def main() -> None:
    """Draw the groups named on the command line, or all."""
    parser = argparse.ArgumentParser(description="Draw one figure for each group of parameters.")
    parser.add_argument("group", nargs="*", help="groups, as in docs/parameters.md (default: all)")
    groups = parser.parse_args().group or list(FIGURES)
    with in_words():
        if unknown := [group for group in groups if group not in FIGURES]:
            raise UsageError(f"no figure is called {', '.join(unknown)}", f"groups: {', '.join(FIGURES)}")
        FOLDER.mkdir(exist_ok=True)
        for group in groups:
            write_atomically(path_of(group), drawn(group))
            print(f"wrote {path_of(group).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
