"""The endpoints of the API that answer without a credential, each with its reason. All others ask for one before they do anything."""

OPEN_ENDPOINTS: dict[str, str] = {
    "api-docs.openapi_json": "the description of the API is the same for everybody and holds no rows",
}
