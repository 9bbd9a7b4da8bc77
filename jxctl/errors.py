"""Every error jx raises on purpose, and the exit code each one becomes.

::

    JxError                    1  the job failed
    ├── UsageError             2  the request itself is wrong (a value, an option, a file's content)
    │   ├── ToneError             a tone, or a file that should hold one
    │   ├── AudioError            a recording that cannot be used
    │   └── ProfileError          a profile that cannot be read, or lacks a law
    ├── DeviceError            3  no such port or device, or it went away
    └── VerificationError      4  what came back is not what was asked for

An error says what happened and, in ``hint``, what to do next. The command line prints both and
never a traceback; library users catch `JxError`.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_INTERRUPTED = 130


class JxError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: what happened.
        hint: what to do next.

    Examples:
        >>> JxError("the cable is out", "put it in").hint
        'put it in'
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(JxError):
    """The request is wrong: an option, a value, or the content of a file.

    Args:
        message: what happened.
        hint: what to do next.

    Examples:
        >>> UsageError("no such note", "0 to 127").exit_code
        2
    """

    exit_code = 2


class ToneError(UsageError):
    """A tone, or a file that should hold one, cannot be understood."""


class AudioError(UsageError):
    """A recording that cannot be read, or from which no tone can be learnt."""


class ProfileError(UsageError):
    """A profile that cannot be read, or that lacks or misstates a law."""


class DeviceError(JxError):
    """A port or an audio device does not exist, cannot be opened, or went away.

    Args:
        message: what happened.
        hint: what to do next.

    Examples:
        >>> DeviceError("it is gone").exit_code
        3
    """

    exit_code = 3


class VerificationError(JxError):
    """What came back, or what is stored, is not what was asked for.

    Args:
        message: what happened.
        hint: what to do next.

    Examples:
        >>> VerificationError("another tone came back").exit_code
        4
    """

    exit_code = 4
