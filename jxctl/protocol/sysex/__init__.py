"""System Exclusive of the whole family: bytes to messages, messages to banks, and back.

::

    decoded = decode(data)                    # messages, and every byte that is in none
    bank, problems = bank_of(decoded.messages)
    data = encode(messages_of(bank))          # the same bytes

One module per family: `jx8p`, `mks70` (JX-10, Vecoven V3 too), `vecoven4`; `transfer` and `jx10`
for the cartridge handshake of the JX-10, `cartridge` for images of JX-8P cartridges.
"""

from jxctl.protocol.sysex.banks import Banks, Form, bank_of, banks_of, messages_of, not_in_bulk, not_in_sets
from jxctl.protocol.sysex.cartridge import is_image, read_image, write_image
from jxctl.protocol.sysex.decode import FAMILIES, AnyMessage, Decoded, Decoder, decode, encode
from jxctl.protocol.sysex.frame import Unused
from jxctl.protocol.sysex.messages import (
    BulkPatch,
    BulkTone,
    Changes,
    EditBufferRequest,
    PatchData,
    Program,
    ToneData,
)
from jxctl.protocol.sysex.recover import FileDecoded, Repair, decode_file
from jxctl.protocol.sysex.transfer import Transfer

__all__ = [
    "FAMILIES", "AnyMessage", "Banks", "BulkPatch", "BulkTone", "Changes", "Decoded", "Decoder",
    "EditBufferRequest", "FileDecoded", "Form", "PatchData", "Program", "Repair", "ToneData",
    "Transfer", "Unused", "bank_of",
    "banks_of", "decode", "decode_file", "encode", "is_image", "messages_of", "not_in_bulk", "not_in_sets",
    "read_image", "write_image",
]  # fmt: skip
