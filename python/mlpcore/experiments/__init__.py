"""The experiments of the report; ``python -m mlpcore.experiments`` is the best of them."""
