"""The wire form of the maps room."""

from marshmallow import Schema, fields


class StreetMapSchema(Schema):
    """A street map: shared by all tenants, named, built once."""

    name = fields.String(dump_only=True)
    attribution = fields.String(dump_only=True, metadata={"description": "To be shown wherever the map or its streets are."})
    source = fields.String(dump_only=True)
    bounds = fields.Function(lambda row: [row.west, row.south, row.east, row.north], metadata={"description": "West, south, east, north."})
    facts = fields.Dict(dump_only=True, metadata={"description": "Street kilometres, edges, turn restrictions, engine."})
    built_at = fields.AwareDateTime(dump_only=True)


class StreetMapListSchema(Schema):
    items = fields.List(fields.Nested(StreetMapSchema))
