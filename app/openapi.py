"""The API's description of itself: what holds for every operation is said here once, what is special stands with the endpoint."""

import re
from http import HTTPStatus
from typing import Any

from flask_smorest import Api
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import Schema, fields

from app.reading import RequestReader

PROBLEM = "application/problem+json"

SECURITY: dict[str, Any] = {
    "security": [{"key": []}],
    "components": {
        "securitySchemes": {
            "key": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key, or a driver's link. Pages send their session's cookie and its token (X-CSRF-Token) instead.",
            },
            "source": {"type": "http", "scheme": "bearer", "description": "The secret of a source, for its own address alone."},
        }
    },
}


class FieldProblemSchema(Schema):
    """One thing wrong with one field."""

    field = fields.String(required=True, metadata={"description": "Its path in the body (`stops.3.lat`), or the argument's name."})
    problem = fields.String(required=True)
    mend = fields.String(metadata={"description": "How to put it right."})


class ProblemSchema(Schema):
    """Why a request was not done (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldProblemSchema))


class DescribedApi(Api):  # type: ignore[misc]  # flask_smorest has no types
    """The document, in which every error is a problem."""

    ERROR_SCHEMA = ProblemSchema

    def _register_responses(self) -> None:
        """One response for each status, and one for all others, to be referred to."""
        content = {PROBLEM: {"schema": ProblemSchema}}
        for status in HTTPStatus:
            has_body = status >= HTTPStatus.BAD_REQUEST
            answer = {"description": status.phrase} | ({"content": content} if has_body else {})
            self.spec.components.response(status.name, answer, lazy=True)
        self.spec.components.response("DEFAULT_ERROR", {"description": "Why it was not done.", "content": content}, lazy=True)


class Blueprint(SmorestBlueprint):  # type: ignore[misc]
    """A room's endpoints. Each operation gets a name of its own, and says which scope it needs."""

    ARGUMENTS_PARSER = RequestReader()

    def _store_endpoint_docs(self, endpoint: str, obj: Any, parameters: Any, tags: Any, **options: Any) -> None:
        super()._store_endpoint_docs(endpoint, obj, parameters, tags, **options)
        for method, doc in self._docs[endpoint].items():
            if method != "parameters":
                said = doc.setdefault("manual_doc", {})
                said.setdefault("operationId", f"{method}_{_snake(endpoint)}")
                scope = getattr(getattr(obj, method), "required_scope", None)
                if scope is not None:
                    said.setdefault("security", [{"key": [str(scope)]}])
                _show_problems(doc)


def _show_problems(doc: dict[str, Any]) -> None:
    """A refusal that an endpoint describes itself has the same body as all others."""
    for status, answers in doc.get("response", {}).get("responses", {}).items():
        for answer in answers:
            if int(status) >= HTTPStatus.BAD_REQUEST and "schema" not in answer:
                answer |= {"schema": ProblemSchema, "content_type": PROBLEM}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
