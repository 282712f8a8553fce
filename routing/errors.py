"""Everything that `routing` raises.

RoutingError
├── InstanceFormatError     a file is not what its reader expects
└── EngineError             a solver broke off without a word about the problem

Nonsense handed to a constructor is a plain ValueError; an infeasible night is a result with reasons, not an exception.
"""


class RoutingError(Exception):
    """Base of the tree above."""


class InstanceFormatError(RoutingError):
    """A problem, plan or instance file that cannot be read; the message names the file's field and what was expected."""


class EngineError(RoutingError):
    """A solver failed for a reason of its own (crash, kill, memory), not because the problem has no solution."""


def require(condition: bool, message: str) -> None:
    """A constructor's own check: ValueError with the message unless the condition holds."""
    if not condition:
        raise ValueError(message)
