"""What the instrument says on its wires: parameters, tones, patches, bus bytes, MIDI and SysEx. No I/O."""

from typing import TYPE_CHECKING

from jxctl._lazy import lazy

if TYPE_CHECKING:
    from jxctl.protocol.bank import Bank
    from jxctl.protocol.parameters import PARAMETERS, Parameter, parameter
    from jxctl.protocol.patch import Patch
    from jxctl.protocol.tone import Tone
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "jxctl.protocol.bank": "Bank",
            "jxctl.protocol.patch": "Patch",
            "jxctl.protocol.parameters": "PARAMETERS, Parameter, parameter",
            "jxctl.protocol.tone": "Tone",
        },
    )

__all__ = [
    "PARAMETERS",
    "Bank",
    "Parameter",
    "Patch",
    "Tone",
    "parameter",
]
