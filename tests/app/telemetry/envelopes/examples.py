"""Messages after the servers' public examples, shortened to what is read; each function gives a fresh one."""

from typing import Any

EM400_MUD = "AXVcA2cBAQSCRAgFAAE="
"""The example payload of Milesight's EM400-MUD in base64."""


def tts() -> dict[str, Any]:
    """lorawan-stack-docs, data formats, uplink; with an EM400-MUD's payload."""
    return {
        "end_device_ids": {
            "device_id": "dev1",
            "application_ids": {"application_id": "app1"},
            "dev_eui": "0004A30B001C0530",
            "dev_addr": "00BCB929",
        },
        "correlation_ids": ["as:up:01E0WZGT6Y7657CPFPE5WEYDSQ"],
        "received_at": "2020-02-12T15:15:46.014773143Z",
        "uplink_message": {
            "session_key_id": "AXA50tHUGUucuzS/bCGMNw==",
            "f_port": 85,
            "f_cnt": 1,
            "frm_payload": EM400_MUD,
            "decoded_payload": {"battery": 92, "temperature": 25.7, "distance": 2116, "position": "tilt"},
            "rx_metadata": [
                {"gateway_ids": {"gateway_id": "gtw1"}, "rssi": -95, "snr": 2},
                {"gateway_ids": {"gateway_id": "gtw2"}, "rssi": -35, "snr": 5},
            ],
            "received_at": "2020-02-12T15:15:45.789585559Z",
        },
    }


def chirpstack() -> dict[str, Any]:
    """chirpstack-docs, events, up; with an EM400-MUD's payload."""
    return {
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time": "2022-07-18T09:34:15.775023242+00:00",
        "deviceInfo": {"tenantName": "ChirpStack", "devEui": "0101010101010101", "tags": {"bin_id": "b-1001"}},
        "devAddr": "00189440",
        "dr": 1,
        "fPort": 85,
        "data": EM400_MUD,
        "object": {"battery": 92, "temperature": 25.7, "distance": 2116, "position": "tilt"},
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -36, "snr": 10.5}],
    }


THINGPARK_KEY = "00112233445566778899aabbccddeeff"
THINGPARK_QUERY = (
    "LrnDevEui=0059AC000010020D&LrnFPort=2&LrnInfos=TWA_100006246.167.AS-1-1361149&AS_ID=hookbin"
    "&Time=2016-07-05T08:58:26.911%2B02:00&Token=18f44bb294f9dd33b5168eeb92a0c7f9fa807914097dc9bb2ed5a789a65fad33"
)


def thingpark() -> dict[str, Any]:
    """iotacademy/LoRaPayloadSimulator, 1_KPN_LoRa_Example.md, KPN ThingPark example; key and query above belong to it."""
    return {
        "DevEUI_uplink": {
            "Time": "2016-07-05T08:58:26.654+02:00",
            "DevEUI": "0059AC000010020D",
            "FPort": "2",
            "FCntUp": "3",
            "payload_hex": "00277c0878fd9b2e000000000000ffff",
            "LrrRSSI": "-100.000000",
            "LrrSNR": "5.750000",
            "CustomerID": "100006246",
        }
    }


PORTAL_KEY = "3b35d8e6-a146-44b1-8430-46e8bfa250d4"
PORTAL_QUERY = (
    "LrnDevEui=0059AC0000181EB6&LrnFPort=1&LrnInfos=null&AS_ID=IoTAcademy.developer&Time=2016-09-09T11:17:17.352Z"
    "&Token=27515a5c9be818a4512a233d5df0624d470d5408939fc4cba0a650961b4cc247"
)


def portal() -> dict[str, Any]:
    """The same page, KPN Developer Portal example: no outer object, numbers as numbers, time in milliseconds."""
    return {
        "DevEUI": "0059AC0000181EB6",
        "FPort": 1,
        "FCntUp": 0,
        "Time": 1473419836813,
        "payload_hex": "effe",
        "CustomerID": 100006356,
        "LrrRSSI": "-100.000000",
        "LrrSNR": "9.000000",
    }


def sigfox() -> dict[str, Any]:
    """support.sigfox.com, uplink callback."""
    return {"device": "1A2B3C", "time": 1732300000, "data": "0a1b2c", "seqNumber": 42, "lqi": "GOOD"}


def ngsi_ld() -> dict[str, Any]:
    """A notification after ETSI GS CIM 009, 5.3.1, of a Smart Data Models WasteContainer."""
    at = "2026-11-22T19:59:30.000Z"
    return {
        "id": "urn:ngsi-ld:Notification:5fd0fa684eb81930c97005f3",
        "type": "Notification",
        "subscriptionId": "urn:ngsi-ld:Subscription:sub1",
        "notifiedAt": "2026-11-22T20:00:00.000Z",
        "data": [
            {
                "id": "urn:ngsi-ld:WasteContainer:city1:b-1001",
                "type": "WasteContainer",
                "fillingLevel": {"type": "Property", "value": 0.42, "unitCode": "C62", "observedAt": at},
                "temperature": {"type": "Property", "value": 21.4, "unitCode": "CEL", "observedAt": at},
                "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [13.4, 52.5]}},
            }
        ],
    }


def ngsi_v2() -> dict[str, Any]:
    """A notification after the Orion NGSIv2 API, normalised."""
    instant = {"TimeInstant": {"type": "DateTime", "value": "2026-11-22T19:59:30.00Z"}}
    return {
        "subscriptionId": "57458eb60962ef754e7c0998",
        "data": [
            {
                "id": "WasteContainer:b-1001",
                "type": "WasteContainer",
                "fillingLevel": {"type": "Number", "value": 0.42, "metadata": instant},
                "location": {"type": "geo:json", "value": {"type": "Point", "coordinates": [13.4, 52.5]}, "metadata": {}},
            }
        ],
    }
