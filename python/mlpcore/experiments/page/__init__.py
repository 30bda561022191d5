"""The page: everything that was reproduced, in one file that needs no network."""

from mlpcore.experiments.page._page import page, told_curves

__all__ = ["page", "told_curves"]
