"""Every error that people or programs are told about, and its one mapping to HTTP.

KerbsideError
├── NotFound             404  no such row, or it is another tenant's: the two are never told apart
├── Rejected             422  the input breaks a rule; names the field and the mend
│   ├── Unreadable       400  the body cannot be read at all
│   └── TooLarge         413  more at once than is taken
├── Conflict             409  the row has moved on, or the action contradicts an earlier one
│   └── StaleVersion     412  If-Match named a version that is no longer the current one
├── NotSignedIn          401  no credential, or one that is no longer valid
├── NotAllowed           403  the credential's role or scopes do not reach this far
├── TooMany              429  slow down; says for how long
├── Unavailable          503  a part that the answer needs is not there now
└── SetupError           –    the installation is wrong (configuration, database, map); the command line exits with 2
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldProblem:
    """One thing wrong with one field: where it stands, what is wrong, how to mend it."""

    field: str
    problem: str
    mend: str = ""

    def as_json(self) -> dict[str, str]:
        return {"field": self.field, "problem": self.problem} | ({"mend": self.mend} if self.mend else {})


class KerbsideError(Exception):
    """Root of the tree; `status` and `title` are what the HTTP mapping reads."""

    status = 500
    title = "Something went wrong on our side"

    def __init__(self, detail: str, *, fields: tuple[FieldProblem, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields


class NotFound(KerbsideError):
    status, title = 404, "Not found"


class Rejected(KerbsideError):
    status, title = 422, "The input was not accepted"


class Unreadable(Rejected):
    status, title = 400, "The body cannot be read"


class TooLarge(Rejected):
    status, title = 413, "Too much at once"


class Conflict(KerbsideError):
    status, title = 409, "In conflict with what is there"


class StaleVersion(Conflict):
    status, title = 412, "Somebody else changed it first"


class NotSignedIn(KerbsideError):
    status, title = 401, "Not signed in"


class NotAllowed(KerbsideError):
    status, title = 403, "Not allowed"


class TooMany(KerbsideError):
    status, title = 429, "Too many requests"

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Unavailable(KerbsideError):
    status, title = 503, "Not available now"


class SetupError(KerbsideError):
    status, title = 500, "The installation is not right"


def to_problem(error: KerbsideError) -> dict[str, object]:
    """The RFC 9457 body of an error."""
    body: dict[str, object] = {"type": "about:blank", "title": error.title, "status": error.status, "detail": error.detail}
    if error.fields:
        body["errors"] = [field.as_json() for field in error.fields]
    return body
