"""The endpoints of the API that answer without a credential, each with its reason. All others ask for one before they do anything."""

OPEN_ENDPOINTS: dict[str, str] = {
    "api-docs.openapi_json": "the description of the API is the same for everybody and holds no rows",
    "tenancy.PageSession": "this is where one signs in, and out: it names no rows and checks the sender itself",
    "sources.Uplinks": "network servers show the source's own secret here, which is checked before anything is read or written",
}

ALWAYS_OPEN_TO_VIEWERS = frozenset({"tenancy.View", "entry.sign_in_now", "entry.sign_out", "entry.stop_looking"})
"""Unsafe requests that are allowed while looking into a child: to stop looking is one, and so is to leave."""
