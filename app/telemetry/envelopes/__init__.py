"""Messages of network servers and context brokers: parsed JSON in, a `Message` out, or `Skipped` for what is no uplink.

Pure functions, one file a kind of server: `tts`, `chirpstack`, `thingpark`, `sigfox`, `ngsi`. They raise nothing but `EnvelopeError`,
which names the field, the problem and the mend. What the payload means is for `app.telemetry.decoders`.
"""

from app.telemetry.envelopes.message import EnvelopeError, Message, Skipped

__all__ = ["EnvelopeError", "Message", "Skipped"]
