"""How a fit is computed, as its parameters want it: precision of products, zeros."""

import numpy as np
import pytest
import scipy.sparse as sp

import mlpcore
from mlpcore import _lbfgs, _stochastic
from mlpcore._levels import has_bfloat16, may_use_tiles

needs_bfloat16 = pytest.mark.skipif(not has_bfloat16(), reason="no products of bfloat16 here")


def error_of_fit(X, y, **parameters):
    model = mlpcore.MLPClassifier(**parameters)
    with pytest.raises(ValueError, match=r"compute_dtype|skip_zeros") as caught:
        model.fit(X, y)
    assert "_network" not in vars(model)
    return str(caught.value)


@needs_bfloat16
def test_bfloat16_rounds_the_fit_and_not_the_predictions(blobs, quick, tmp_path):
    X, y = blobs
    quick |= {"hidden_layer_sizes": (20,), "dtype": "float32"}
    exact = mlpcore.MLPClassifier(**quick).fit(X, y)
    rounded = mlpcore.MLPClassifier(**quick, compute_dtype="bfloat16").fit(X, y)
    assert rounded.coefs_[0].dtype == np.float32
    assert (exact.coefs_[0] != rounded.coefs_[0]).any()
    np.testing.assert_allclose(exact.coefs_[0], rounded.coefs_[0], atol=0.01)
    hidden = np.maximum(X @ rounded.coefs_[0] + rounded.intercepts_[0], 0)
    z = hidden @ rounded.coefs_[1] + rounded.intercepts_[1]
    expected = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    np.testing.assert_allclose(rounded.predict_proba(X), expected, atol=1e-6)
    rounded.save(tmp_path / "m.safetensors")
    assert mlpcore.load(tmp_path / "m.safetensors").compute_dtype == "bfloat16"


@needs_bfloat16
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_regression_in_bfloat16(digits):
    X, X_test, y, y_test = digits
    model = mlpcore.MLPRegressor(
        hidden_layer_sizes=(100,),
        dtype="float32",
        compute_dtype="bfloat16",
        max_iter=300,
        random_state=0,
    )
    assert model.fit(X, y).score(X_test, y_test) > 0.85


@needs_bfloat16
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_accuracy_on_mnist(mnist):
    """Real images of bytes, two seeds: within a tenth of a point of float32."""
    X, X_test = (mnist[f"{part}_images"].reshape(-1, 784) for part in ("train", "test"))
    accuracy = {
        compute_dtype: np.mean([
            mlpcore.MLP(
                (500,), max_iter=5, learning_rate="cosine", alpha=0, n_iter_no_change=np.inf,
                dtype="float32", input_scale=1 / 255, skip_zeros=False,
                compute_dtype=compute_dtype, random_state=seed,
            ).fit(X, mnist.train_labels).score(X_test, mnist.test_labels)
            for seed in range(2)
        ])
        for compute_dtype in (None, "bfloat16")
    }  # fmt: skip
    assert accuracy["bfloat16"] > 0.975
    assert abs(accuracy["bfloat16"] - accuracy[None]) <= 0.001


@pytest.mark.skipif(not may_use_tiles(), reason="no tiles here")
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(
    ("density", "kind", "compute_dtype", "verb"),
    [(0.15, np.asarray, "bfloat16", "computes"), (0.15, np.asarray, None, "skips"),
     (0.15, sp.csr_matrix, "bfloat16", "skips"), (0.05, np.asarray, "bfloat16", "skips")],
)  # fmt: skip
def test_tiles_are_worth_more_zeros(density, kind, compute_dtype, verb, capsys):
    rng = np.random.default_rng(0)
    X = (rng.random((200, 300)) < density).astype("f4")
    mlpcore.MLPClassifier((64,), max_iter=1, compute_dtype=compute_dtype, verbose=True).fit(
        kind(X), np.arange(200) % 3
    )
    assert f"the first layer {verb}" in capsys.readouterr().out


def test_bfloat16_refused(blobs, quick):
    X, y = blobs
    asked = quick | {"compute_dtype": "bfloat16"}
    assert "solver='lbfgs'" in error_of_fit(X, y, **asked, solver="lbfgs", dtype="float32")
    assert "weights of float64: pass dtype='float32'" in error_of_fit(X, y, **asked)
    assert "'float16'" in error_of_fit(X, y, **quick, compute_dtype="float16")


@pytest.mark.skipif(has_bfloat16(), reason="this processor has products of bfloat16")
def test_bfloat16_on_other_processors(blobs, quick):
    X, y = blobs
    said = error_of_fit(X, y, **quick, compute_dtype="bfloat16", dtype="float32")
    assert "no AVX-512 BF16" in said


@pytest.mark.filterwarnings("ignore:lbfgs failed", "ignore:Stochastic Optimizer")
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_zeros_skipped_or_not(mostly_zero, quick, solver, monkeypatch, capsys):
    X, y = mostly_zero
    module, name = (_lbfgs, "loss_and_gradient") if solver == "lbfgs" else (_stochastic, "train")
    computes, walked = getattr(module, name), []

    def spy(*args, **options):
        walked.append(options["sparse"])
        return computes(*args, **options)

    monkeypatch.setattr(module, name, spy)
    quick |= {"hidden_layer_sizes": (60,), "solver": solver, "tol": 1e-9, "max_iter": 3}
    coefs = {}
    for skips in (None, True, False):
        model = mlpcore.MLPClassifier(**quick, skip_zeros=skips, verbose=True).fit(X, y)
        coefs[skips] = model.coefs_[0]
        assert set(walked) == {skips is not False}
        walked.clear()
        counted = "% of X; the first layer skips them." in capsys.readouterr().out
        assert counted == (skips is None)
    assert (coefs[None] == coefs[True]).all()
    np.testing.assert_allclose(coefs[False], coefs[True], rtol=1e-7, atol=1e-10)


def test_zeros_are_counted_where_it_matters(mostly_zero, quick, capsys):
    X, y = mostly_zero
    mlpcore.MLPClassifier(**quick | {"hidden_layer_sizes": (60,)}, verbose=True).fit(X + 1, y)
    assert "Zeros: 0.0% of X; the first layer computes with all values.\n" in (
        capsys.readouterr().out
    )
    mlpcore.MLPClassifier(**quick, verbose=True).fit(X, y)
    assert "Zeros" not in capsys.readouterr().out


def test_too_few_units_to_skip_zeros(mostly_zero, quick):
    assert "skip_zeros=True with 5 units" in error_of_fit(*mostly_zero, **quick, skip_zeros=True)
