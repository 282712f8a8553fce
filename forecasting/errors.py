"""What the forecasting kernel raises.

ForecastingError
├── NotFittedError    an estimator was asked before `fit` (also a ValueError, as in scikit-learn)
├── FillFileError     a folder of past fill levels cannot be read: says where and how to mend it
└── ArtifactError     frozen bytes that this version cannot or must not read: learn again
"""


class ForecastingError(Exception):
    """Root of everything that this kernel raises beside ValueError."""


class NotFittedError(ForecastingError, ValueError):
    """An estimator was asked for a forecast before `fit`."""


class ArtifactError(ForecastingError):
    """Frozen bytes are damaged, of another version, or name something that no artifact of ours contains."""


class FillFileError(ForecastingError):
    """A folder of past fill levels cannot be read; `mend` says what to do about it."""

    def __init__(self, detail: str, mend: str) -> None:
        super().__init__(f"{detail}. {mend}")
        self.detail, self.mend = detail, mend
