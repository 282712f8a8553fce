"""The API's description: valid, complete, and true of what answers."""

import warnings
from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.api.isolation import API, bare_app


@pytest.fixture(scope="module")
def document() -> Any:
    """Made with warnings as errors: two schemas of one name would overwrite each other in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return bare_app().test_client().get(f"{API}/openapi.json").json


def said(document: Any) -> dict[str, Any]:
    paths = document["paths"].items()
    return {f"{method} {path}": one for path, item in paths for method, one in item.items() if method != "parameters"}


def test_it_is_valid_openapi(document: Any):
    assert document["openapi"] == "3.1.0"
    validate(document)


def test_every_operation_has_a_name_of_its_own_a_summary_and_a_room(document: Any):
    operations = said(document)
    assert [name for name, one in operations.items() if not (one.get("summary") and one.get("tags") and one.get("operationId"))] == []
    assert len({one["operationId"] for one in operations.values()}) == len(operations)


def test_every_error_is_described_as_a_problem(document: Any):
    wrong = []
    for name, operation in said(document).items():
        assert "default" in operation["responses"], name
        for status, answer in operation["responses"].items():
            known = document["components"]["responses"][answer["$ref"].rsplit("/", 1)[-1]] if "$ref" in answer else answer
            if (status == "default" or int(status) >= 400) and list(known.get("content", {})) != ["application/problem+json"]:
                wrong.append((name, status))
    assert wrong == []


def test_a_key_opens_all_but_signing_in(document: Any):
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["security"] == [{"key": []}]
    open_to_all = {name for name, operation in said(document).items() if operation.get("security") == []}
    assert open_to_all == {f"post {API}/session", f"delete {API}/session"}


def test_an_operation_says_which_scope_it_needs(document: Any):
    operations = said(document)
    assert operations[f"post {API}/plans/{{plan_id}}/publish"]["security"] == [{"key": ["plans:write"]}]
    assert operations[f"get {API}/users"]["security"] == [{"key": ["admin"]}]
