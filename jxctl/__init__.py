"""Talk to a Roland Super-JX sound board: parameters, tones, wire formats, ports, recording."""

from typing import TYPE_CHECKING

from jxctl._lazy import lazy

if TYPE_CHECKING:
    from jxctl._version import __version__
    from jxctl.errors import DeviceError, JxError, UsageError, VerificationError
    from jxctl.protocol.bank import Bank
    from jxctl.protocol.parameters import PARAMETERS, Parameter, parameter
    from jxctl.protocol.patch import Patch
    from jxctl.protocol.tone import Tone
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "jxctl._version": "__version__",
            "jxctl.protocol.bank": "Bank",
            "jxctl.errors": "DeviceError, JxError, UsageError, VerificationError",
            "jxctl.protocol.patch": "Patch",
            "jxctl.protocol.parameters": "PARAMETERS, Parameter, parameter",
            "jxctl.protocol.tone": "Tone",
        },
    )

__all__ = [
    "PARAMETERS",
    "Bank",
    "DeviceError",
    "JxError",
    "Parameter",
    "Patch",
    "Tone",
    "UsageError",
    "VerificationError",
    "__version__",
    "parameter",
]
