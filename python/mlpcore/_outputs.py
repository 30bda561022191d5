"""Which loss, output activation and target coding go together, for which targets."""

from mlpcore._losses import Loss, Objective

# The activations that each loss admits after the output layer; the first is "auto".
_ALLOWED_FOR_MSE = {
    "one_hot": ("logistic", "identity", "tanh"),
    "bipolar": ("tanh", "identity"),
}


def resolve_outputs(
    loss: str, out_activation: str, target_coding: str, y_type: str
) -> tuple[Objective, str]:
    """Return the loss of the core and the output activation for the given parameters.

    Parameters
    ----------
    loss : {"log_loss", "mse"}
    out_activation : {"auto", "identity", "logistic", "tanh", "softmax"}
    target_coding : {"one_hot", "bipolar"}
    y_type : {"binary", "multiclass", "multilabel-indicator"}
        The kind of targets, as LabelBinarizer names it.

    Returns
    -------
    objective : Objective
    out_activation : str

    Raises
    ------
    ValueError
        If they do not go together; the message names what is allowed.
    """
    if loss == "log_loss" and target_coding != "one_hot":
        raise ValueError(
            f"target_coding={target_coding!r} needs loss='mse'; loss='log_loss' allows "
            "target_coding='one_hot' only"
        )
    if loss == "mse":
        allowed = _ALLOWED_FOR_MSE[target_coding]
        where = f"loss='mse' with target_coding={target_coding!r}"
    else:
        allowed = ("softmax",) if y_type == "multiclass" else ("logistic",)
        where = f"loss='log_loss' with {y_type} targets"
    if out_activation == "auto":
        out_activation = allowed[0]
    if out_activation not in allowed:
        names = " or ".join(repr(name) for name in allowed)
        raise ValueError(
            f"out_activation={out_activation!r} does not go with {where}: allowed is 'auto' or "
            f"{names}"
        )
    if loss == "mse":
        return Objective(Loss.MSE), out_activation
    kind = Loss.LOG_LOSS if y_type == "multiclass" else Loss.BINARY_LOG_LOSS
    return Objective(kind), out_activation
