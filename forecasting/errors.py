"""What the forecasting kernel raises.

ForecastingError
├── NotFittedError    an estimator was asked before `fit` (also a ValueError, as in scikit-learn)
└── ArtifactError     frozen bytes that this version cannot or must not read: learn again
"""


class ForecastingError(Exception):
    """Root of everything that this kernel raises beside ValueError."""


class NotFittedError(ForecastingError, ValueError):
    """An estimator was asked for a forecast before `fit`."""


class ArtifactError(ForecastingError):
    """Frozen bytes are damaged, of another version, or name something that no artifact of ours contains."""
