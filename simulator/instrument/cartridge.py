"""The cartridge slot of a virtual JX-10: a file of raw bytes that travels by a handshake over MIDI.

The handshake is `jxctl.protocol.sysex.jx10`'s; this decides which side the synth is (jx_hardware.md 4.8). A
new announcement or request ends a transfer that was under way (assumed).
"""

from __future__ import annotations

from jxctl.protocol.sysex import Transfer, decode
from jxctl.protocol.sysex.jx10 import SIZES, Receiver, Sender


class Cartridge:
    """A M-16C or M-64C: ``content``, 2048 or 8192 bytes; a M-64C full of zeros when nothing is given.

    Raises `UsageError` for content of another size.
    """

    def __init__(self, content: bytes | None = None) -> None:
        self.content = bytes(max(SIZES)) if content is None else content
        Sender(self.content)  # refuses a wrong size
        self._side: Sender | Receiver | None = None

    def receive(self, message: bytes) -> bytes:
        """Take one SysEx message; the bytes to answer with. Messages of no transfer are ignored."""
        for item in decode(message).messages:
            if isinstance(item, Transfer) and item.kind == "WSF":
                self._side = Receiver(channel=item.channel)
            elif isinstance(item, Transfer) and item.kind == "RQF":
                self._side = Sender(self.content, channel=item.channel)
        if self._side is None:
            return b""
        answer = self._side.receive(message)
        if isinstance(self._side, Receiver) and self._side.state == "done":
            self.content = self._side.data
        if self._side.over:
            self._side = None
        return answer

    def start(self, channel: int = 0) -> bytes:
        """Announce the file, as when a dump is started on the panel. ``channel``: 0-15."""
        self._side = Sender(self.content, channel=channel)
        return self._side.start()
