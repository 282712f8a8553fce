"""The endpoints of one kind of the register's rows, made from its model and its schema: list, get, create, replace, change, delete."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from flask import Response, jsonify, request, url_for
from flask.views import MethodView
from marshmallow import RAISE, Schema, ValidationError, fields

from app.assets import geojson
from app.assets.models import Container, Zone
from app.assets.operations import change_row, create_row, delete_row, require_mine
from app.assets.queries import select_rows, sites_by_id
from app.assets.schemas import LARGEST_ID, FormatArgs, NoFilter, RowSchema
from app.db import TenantOwned, TenantRow, TenantSession
from app.errors import FieldProblem, NotFound, Rejected
from app.http import etag_of, field_problems, page_body, read_page, require_current
from app.openapi import Blueprint
from app.reading import read_json
from app.tenancy.api import requires, session
from app.tenancy.models import Scope
from app.tenancy.scope import get_row

IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "schema": {"type": "string"},
    "description": "The ETag of the version that was read.",
}
GEOMETRY = {"type": ["object", "null"], "properties": {"type": {"type": "string"}, "coordinates": {"type": "array", "items": {}}}}
FEATURE = {
    "type": "object",
    "required": ["type", "geometry", "properties"],
    "properties": {"type": {"const": "Feature"}, "id": {"type": "integer"}, "geometry": GEOMETRY, "properties": {"type": "object"}},
}
COLLECTION = {
    "type": "object",
    "required": ["type", "features"],
    "properties": {"type": {"const": "FeatureCollection"}, "features": {"type": "array", "items": FEATURE}},
}


@dataclass(frozen=True)
class Resource:
    """One kind of row: where it is served, as what, and by which name its operations go."""

    model: Any
    singular: str
    plural: str
    schema: type[RowSchema]
    filters: type[Schema]
    has_place: bool = False
    key: str | None = None
    """The field that rows are known by where they have no number."""
    read_key: Callable[[str], Any] = str

    @property
    def path(self) -> str:
        return f"/{self.plural.replace('_', '-')}"

    @property
    def item_path(self) -> str:
        return f"{self.path}/<string:{self.key}>" if self.key else f"{self.path}/<int(max={LARGEST_ID}):{self.singular}_id>"

    @property
    def endpoint(self) -> str:
        return _camel(self.plural)

    @property
    def item_endpoint(self) -> str:
        return f"{_camel(self.singular)}By{_camel(self.key or 'id')}"

    def key_of(self, row: Any) -> Any:
        return getattr(row, self.key or "id")

    def get(self, url: dict[str, Any]) -> Any:
        """The row that the URL names; NotFound if it names none of the tenant's."""
        (written,) = url.values()
        try:
            key = self.read_key(written) if self.key else written
        except ValueError as error:
            raise NotFound(f"There is no {self.singular.replace('_', ' ')} {written}.") from error
        return get_row(session(), self.model, key)

    def url_of(self, row: Any) -> str:
        values: dict[str, Any] = {self.key or f"{self.singular}_id": str(self.key_of(row))}
        return url_for(f"assets.{self.item_endpoint}", **values)

    def require_own_references(self, values: dict[str, Any]) -> None:
        for field, model in self.schema().references().items():
            require_mine(session(), model, field, values.get(field))

    def require_same_key(self, row: Any, values: dict[str, Any]) -> None:
        """A row that is known by a field keeps it."""
        if self.key and values[self.key] != self.key_of(row):
            mend = FieldProblem(self.key, "is not what the address says", "Delete this one and create another.")
            raise Rejected(f"{self.key} cannot change.", fields=(mend,))

    def merged(self, row: Any, patch: dict[str, Any]) -> dict[str, Any]:
        """All values of the row after a patch, by the rules for a whole body, so that no pair of fields is left unchecked."""
        schema = self.schema()
        before = {key: value for key, value in schema.dump(row).items() if key in schema.load_fields}
        try:
            return cast(dict[str, Any], schema.load(before | patch))
        except ValidationError as error:
            raise Rejected("With this change the row would break a rule.", fields=field_problems(error.messages)) from error


def serve(blueprint: Blueprint, resource: Resource) -> None:
    """Register the endpoints of a resource."""
    blueprint.add_url_rule(resource.path, resource.endpoint, _collection_view(blueprint, resource))
    blueprint.add_url_rule(resource.item_path, resource.item_endpoint, _item_view(blueprint, resource))


def _collection_view(blueprint: Blueprint, resource: Resource) -> type[MethodView]:
    class Collection(MethodView):
        @requires(Scope.REGISTER_READ)
        @blueprint.arguments(resource.filters, location="query", unknown=RAISE)
        @blueprint.response(200, _page_schema(resource))
        @_may_be_geojson(blueprint, resource, COLLECTION)
        @blueprint.doc(operationId=f"list_{resource.plural}", summary=f"List {_words(resource.plural)}")
        def get(self, args: dict[str, Any]) -> Any:
            rows, cursor = _read_rows(resource, args)
            body, status, headers = page_body(rows, cursor)
            if resource.has_place and _wants_geojson(args["format"]):
                return _as_geojson(geojson.collection(_features(session(), resource, rows))), status, headers
            return body, status, headers

        @requires(Scope.REGISTER_WRITE)
        @blueprint.arguments(resource.schema)
        @blueprint.response(201, resource.schema)
        @blueprint.doc(operationId=f"create_{resource.singular}", summary=f"Create a {_words(resource.singular)}")
        def post(self, values: dict[str, Any]) -> Any:
            resource.require_own_references(values)
            row = create_row(session(), resource.model, values)
            return row, 201, {"ETag": etag_of(row), "Location": resource.url_of(row)}

    return Collection


def _item_view(blueprint: Blueprint, resource: Resource) -> type[MethodView]:
    named = _words(resource.singular)

    class Item(MethodView):
        @requires(Scope.REGISTER_READ)
        @blueprint.arguments(FormatArgs if resource.has_place else NoFilter, location="query", unknown=RAISE)
        @blueprint.response(200, resource.schema)
        @_may_be_geojson(blueprint, resource, FEATURE)
        @blueprint.doc(operationId=f"get_{resource.singular}", summary=f"One {named}")
        def get(self, args: dict[str, Any], **url: Any) -> Any:
            row = resource.get(url)
            if resource.has_place and _wants_geojson(args["format"]):
                return _as_geojson(next(iter(_features(session(), resource, [row]))))
            return row, 200, {"ETag": etag_of(row)}

        @requires(Scope.REGISTER_WRITE)
        @blueprint.arguments(resource.schema)
        @blueprint.response(200, resource.schema)
        @blueprint.doc(operationId=f"replace_{resource.singular}", summary=f"Replace a {named}", parameters=[IF_MATCH])
        def put(self, values: dict[str, Any], **url: Any) -> Any:
            row = resource.get(url)
            return _changed(resource, row, values)

        @requires(Scope.REGISTER_WRITE)
        @blueprint.arguments(_patch_schema(resource))
        @blueprint.response(200, resource.schema)
        @blueprint.doc(operationId=f"change_{resource.singular}", summary=f"Change fields of a {named}", parameters=[IF_MATCH])
        def patch(self, _: dict[str, Any], **url: Any) -> Any:
            row = resource.get(url)
            return _changed(resource, row, resource.merged(row, read_json(request.get_data() or b"{}")))

        @requires(Scope.REGISTER_WRITE)
        @blueprint.response(204)
        @blueprint.doc(operationId=f"delete_{resource.singular}", summary=f"Delete a {named} that nothing names", parameters=[IF_MATCH])
        def delete(self, **url: Any) -> Any:
            row = resource.get(url)
            require_current(row)
            delete_row(session(), row)

    return Item


def _changed(resource: Resource, row: Any, values: dict[str, Any]) -> Any:
    require_current(row)
    resource.require_same_key(row, values)
    resource.require_own_references(values)
    change_row(session(), row, values)
    return row, 200, {"ETag": etag_of(row)}


def _read_rows(resource: Resource, args: dict[str, Any]) -> tuple[list[Any], str | None]:
    """A page of rows; all of them where the key is a field, because those are few."""
    filters = {name: value for name, value in args.items() if name not in ("limit", "cursor", "format")}
    query = select_rows(session(), cast(type[TenantOwned], resource.model), filters)
    if resource.key:
        return list(session().scalars(query.order_by(getattr(resource.model, resource.key)))), None
    return read_page(session(), query, cast(type[TenantRow], resource.model), limit=args["limit"], cursor=args["cursor"])


def _page_schema(resource: Resource) -> Schema:
    name = f"{_camel(resource.singular)}Page"
    items = fields.List(fields.Nested(resource.schema))
    return Schema.from_dict({"items": items, "next": fields.String(allow_none=True)}, name=name)()


def _patch_schema(resource: Resource) -> Schema:
    """The same fields, none required; under a name of its own in the API's description."""
    return cast(Schema, type(f"{_camel(resource.singular)}PatchSchema", (resource.schema,), {})(partial=True))


def _may_be_geojson(blueprint: Blueprint, resource: Resource, schema: dict[str, Any]) -> Callable[[Any], Any]:
    if not resource.has_place:
        return lambda view: view
    return cast(Callable[[Any], Any], blueprint.alt_response(200, schema=schema, content_type=geojson.MEDIA_TYPE))


def _wants_geojson(asked: str | None) -> bool:
    accepted = request.accept_mimetypes.best_match(["application/json", geojson.MEDIA_TYPE])
    return asked == "geojson" or (asked is None and accepted == geojson.MEDIA_TYPE)


def _as_geojson(body: dict[str, Any]) -> Response:
    response = jsonify(body)
    response.mimetype = geojson.MEDIA_TYPE
    response.vary.add("Accept")
    return response


def _features(current: TenantSession, resource: Resource, rows: list[Any]) -> Iterable[dict[str, Any]]:
    """Rows as features: an area, a point of their own, or the point of their site."""
    dumped = resource.schema(exclude=("area",) if resource.model is Zone else ()).dump(rows, many=True)
    places = sites_by_id(current, (row.site_id for row in rows)) if resource.model is Container else {}
    for row, properties in zip(rows, dumped, strict=True):
        place = places[row.site_id] if places else row
        geometry = row.area if resource.model is Zone else geojson.point(place.lat, place.lon)
        yield geojson.feature(row.id, geometry, properties)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _words(name: str) -> str:
    return name.replace("_", " ")
