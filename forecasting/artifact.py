"""Freeze what one night learned, and thaw it.

The bytes are a header, a digest and a pickle. Only our own database is ever read, yet the pickle is opened with a list of the few
classes that an artifact holds: any other name is refused before it is imported. Tree models do not survive a change of
scikit-learn, so the header names its version and another one asks for a new night's learning instead of guessing.
"""

import hashlib
import io
import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sklearn

from forecasting.errors import ArtifactError
from forecasting.evaluate import ESTIMATORS, MODEL, Estimator, Evaluation, backtest
from forecasting.features import TrainingTable
from forecasting.model import FillModel

MAGIC = b"kerbside-forecast\n"
VERSION = 3

ALLOWED = frozenset(
    {
        ("builtins", "frozenset"),
        ("builtins", "set"),
        ("collections", "OrderedDict"),
        ("uuid", "UUID"),
        ("uuid", "SafeUUID"),
        ("forecasting.artifact", "Artifact"),
        ("forecasting.model", "FillModel"),
        ("forecasting.baseline", "ShrunkenRate"),
        ("forecasting.evaluate", "Evaluation"),
        ("forecasting.evaluate", "Score"),
        ("forecasting.evaluate", "ContainerScore"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy.random._pickle", "__generator_ctor"),
        ("numpy.random._pickle", "__bit_generator_ctor"),
        ("numpy.random._pcg64", "PCG64"),
        ("numpy.random.bit_generator", "SeedSequence"),
        ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
        ("sklearn._loss.link", "IdentityLink"),
        ("sklearn._loss.link", "Interval"),
        ("sklearn._loss.loss", "PinballLoss"),
        ("sklearn._loss._loss", "CyPinballLoss"),
        ("sklearn.ensemble._hist_gradient_boosting.binning", "_BinMapper"),
        ("sklearn.ensemble._hist_gradient_boosting.gradient_boosting", "HistGradientBoostingRegressor"),
        ("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor"),
    }
)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A fitted model with what it scored before it was trusted.

    Parameters
    ----------
    model
        Fitted on everything up to `trained_until`.
    evaluation
        The backtest of the same kind of model on the newest days, beside the naive ones.
    trained_until
        Epoch second of the last knowledge used.
    """

    model: FillModel
    evaluation: Evaluation
    trained_until: int


def learn(
    training: TrainingTable, *, make: Callable[..., FillModel] = FillModel, estimators: Mapping[str, Callable[[], Estimator]] = ESTIMATORS
) -> Artifact:
    """One night's learning: backtest, then fit on everything, leaving to the shrunken rate the containers that it serves better.

    Parameters
    ----------
    training
        Everything known tonight.
    make
        Makes the model; called with `fall_back`.
    estimators
        Those of the backtest.
    """
    evaluation = backtest(training, {**estimators, MODEL: make})
    return Artifact(make(fall_back=evaluation.fall_back).fit(training), evaluation, training.until)


def freeze(artifact: Artifact) -> bytes:
    """The artifact as bytes for a column of the tenant's own database."""
    body = pickle.dumps(artifact, protocol=5)
    head = {
        "version": VERSION,
        "sklearn": sklearn.__version__,
        "trained_until": artifact.trained_until,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return MAGIC + json.dumps(head).encode() + b"\n" + body


def thaw(frozen: bytes) -> Artifact:
    """The artifact that `freeze` wrote.

    Raises
    ------
    ArtifactError
        If the bytes are damaged, of another version of this format or of scikit-learn, or name a class that no artifact holds.
    """
    head, body = _opened(frozen)
    if head.get("version") != VERSION or head.get("sklearn") != sklearn.__version__:
        raise ArtifactError(
            f"frozen by format {head.get('version')} and scikit-learn {head.get('sklearn')}, "
            f"this is format {VERSION} and {sklearn.__version__}: learn again"
        )
    if hashlib.sha256(body).hexdigest() != head.get("sha256"):
        raise ArtifactError("the digest does not match: the bytes are damaged")
    artifact = _OwnClasses(io.BytesIO(body)).load()
    if not isinstance(artifact, Artifact):
        raise ArtifactError(f"holds a {type(artifact).__name__}, not an artifact")
    return artifact


def _opened(frozen: bytes) -> tuple[dict[str, Any], bytes]:
    if not frozen.startswith(MAGIC):
        raise ArtifactError("these bytes are not a frozen forecast")
    head, _, body = frozen[len(MAGIC) :].partition(b"\n")
    try:
        return dict(json.loads(head)), body
    except ValueError as error:
        raise ArtifactError("the header is damaged") from error


class _OwnClasses(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in ALLOWED:
            raise ArtifactError(f"names {module_name}.{global_name}, which no artifact holds")
        return super().find_class(module_name, global_name)
