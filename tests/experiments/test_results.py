"""The results file: rows whole or not at all, damage kept aside, one writer."""

import json
import os

import numpy as np
import pytest

from mlpcore.experiments._results import Results, ResultsWriter, canonical


def row(seed=1, **changes):
    accuracy = {"train": 0.9, "val": 0.8, "test": 0.7}
    settings = {"hidden_layer_sizes": (5,), "n_iter_no_change": np.inf, "random_state": seed}
    return {"data": "digits", "settings": canonical(settings), "seconds": 1.5,
            "accuracy": accuracy, "loss_curve": [1.0, 0.5]} | changes  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.jsonl"


def fill(path, *rows):
    with ResultsWriter(path) as results:
        for one in rows:
            results.append(one)


def test_rows_come_back(path):
    fill(path, row(1), row(2))
    fill(path, row(3))
    results = Results(path)
    assert [r["settings"]["random_state"] for r in results] == [1, 2, 3]
    assert list(results) == [row(1), row(2), row(3)]
    assert not results.damaged


def test_find_takes_settings_as_a_network_does(path):
    fill(path, row(7))
    settings = {"random_state": 7, "n_iter_no_change": np.inf, "hidden_layer_sizes": (5,)}
    assert Results(path).find("digits", settings) == row(7)
    assert Results(path).find("mnist", settings) is None
    assert Results(path).find("digits", settings | {"random_state": 8}) is None


def test_a_file_that_is_not_there_is_empty(path):
    assert list(Results(path)) == []
    assert not path.exists()


def without(name):
    return {k: v for k, v in row().items() if k != name}


DAMAGED = {
    "cut off": json.dumps(row())[:-20],
    "not JSON": "\x00\x00\x00",
    "no row": "[1, 2]",
    "no settings": json.dumps(without("settings")),
    "no seconds": json.dumps(without("seconds")),
    "impossible accuracy": json.dumps(row(accuracy={"train": 2.0, "val": 0.1, "test": 0.1})),
    "lacks an accuracy": json.dumps(row(accuracy={"train": 0.5})),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_damage_is_reported_and_kept_aside(path, damage, capsys):
    fill(path, row(1))
    with open(path, "a") as file:
        file.write(damage + "\n" + json.dumps(row(2)) + "\n")
    with ResultsWriter(path) as results:
        assert len(results) == 2
    told = capsys.readouterr().err
    assert f"{path}, line 2 is damaged: " in told
    assert f"Kept aside in {path}.damaged" in told
    assert (path.parent / "results.jsonl.damaged").read_text() == damage + "\n"
    assert path.read_text() == json.dumps(row(1)) + "\n" + json.dumps(row(2)) + "\n"


def test_a_line_cut_off_by_a_kill_takes_none_with_it(path, capsys):
    fill(path, row(1))
    with open(path, "a") as file:
        file.write(json.dumps(row(2))[:50])
    fill(path, row(3))
    assert [r["settings"]["random_state"] for r in Results(path)] == [1, 3]


def test_reading_alone_changes_nothing(path):
    path.write_text("damage\n")
    assert Results(path).damaged == [(1, "damage")]
    assert os.listdir(path.parent) == ["results.jsonl"]


def test_second_writer_is_refused(path):
    with (
        ResultsWriter(path),
        pytest.raises(BlockingIOError, match="another process is writing to it"),
    ):
        ResultsWriter(path)
    fill(path, row(1))


def test_row_without_room_leaves_the_others(path, monkeypatch):
    fill(path, row(1))
    before = path.read_bytes()
    with ResultsWriter(path) as results:
        write = os.write
        monkeypatch.setattr(os, "write", lambda file, line: write(file, line[:9]))
        with pytest.raises(OSError, match="no room for a row"):
            results.append(row(2))
        assert len(results) == 1
    assert path.read_bytes() == before


def test_row_that_is_no_json_is_refused(path):
    with ResultsWriter(path) as results, pytest.raises(ValueError, match="JSON"):
        results.append(row(seconds=float("nan")))
    assert path.read_text() == ""
