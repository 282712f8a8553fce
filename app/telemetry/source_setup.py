"""How a network server is set up to send to a source: said on its page and in its answer, with the very address to paste."""

from dataclasses import dataclass

from app.telemetry.models import Source, SourceKind

BEARER = "Authorization: Bearer <the source's secret>"


@dataclass(frozen=True)
class Setup:
    """What to enter where."""

    url: str
    header: str
    steps: tuple[str, ...]


LABELS: dict[SourceKind, str] = {
    SourceKind.KERBSIDE_JSON: "Kerbside's own JSON",
    SourceKind.TTS: "The Things Stack",
    SourceKind.CHIRPSTACK: "ChirpStack",
    SourceKind.THINGPARK: "ThingPark",
    SourceKind.SIGFOX: "Sigfox",
    SourceKind.NGSI_LD: "NGSI-LD",
    SourceKind.NGSI_V2: "NGSIv2 (Orion)",
}

STEPS: dict[SourceKind, tuple[str, ...]] = {
    SourceKind.KERBSIDE_JSON: (
        'POST {"measurements": [{"device": …, "observed_at": …, "distance_mm": …}]} to the address, with the header.',
        "The answer says of each reading what became of it; a batch may be sent again after a lost answer.",
    ),
    SourceKind.TTS: (
        "In the console open the application, Integrations, Webhooks, Add webhook, Custom webhook.",
        "Webhook format JSON; base URL: the address. Under Additional headers add the header.",
        "Enable Uplink message without a path. Other messages may be enabled: they are skipped.",
    ),
    SourceKind.CHIRPSTACK: (
        "Open the application, Integrations, HTTP, and choose payload encoding JSON.",
        "Event endpoint URL: the address. Under Headers add the header.",
        "ChirpStack does not send again what failed: watch this page for refusals.",
    ),
    SourceKind.THINGPARK: (
        "Create an application server with an HTTP connection of content type JSON; destination: the address.",
        "Enter its LRC-AS key here (as_key), and switch on the token: with both, no header is needed.",
        "Where a connection can add headers, the header does as well.",
    ),
    SourceKind.SIGFOX: (
        "In the backend open the device type, Callbacks, New, Custom callback: type DATA, UPLINK, channel URL, method POST.",
        'URL pattern: the address. Content type application/json, body {"device": "{device}", "time": {time}, "data": "{data}", '
        '"seqNumber": {seqNumber}}.',
        "Under Headers add the header. Where the body has other names, say so in sigfox_template.",
    ),
    SourceKind.NGSI_LD: (
        "Create a subscription for entities of type WasteContainer that watches fillingLevel.",
        'notification.endpoint: {"uri": the address, "accept": "application/json", "receiverInfo": '
        '[{"key": "Authorization", "value": "Bearer <the source\'s secret>"}]}.',
        "Register each entity's id as a device_uid.",
    ),
    SourceKind.NGSI_V2: (
        "Create a subscription for entities of type WasteContainer that watches fillingLevel.",
        'notification.httpCustom: {"url": the address, "headers": {"Authorization": "Bearer <the source\'s secret>"}}.',
        "Register each entity's id as a device_uid.",
    ),
}


def setup_of(source: Source, url: str) -> Setup:
    """What to enter for this source; `url` is its address as network servers reach it."""
    return Setup(url, BEARER, STEPS[source.kind])
