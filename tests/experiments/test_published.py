"""The results in ``docs/report``: the report's, within what was promised."""

from pathlib import Path

import pytest

from mlpcore.experiments._data import Split
from mlpcore.experiments._report import MINI_BATCHES, REGULARIZED, RUNS, SEEDS
from mlpcore.experiments._results import Results
from mlpcore.experiments._statistics import collapsed, rows_of
from mlpcore.experiments._tables import Variant, make_tables

PUBLISHED = Path(__file__).parents[2] / "docs" / "report"


@pytest.fixture(scope="module")
def published():
    return Results(PUBLISHED / "results.jsonl")


def no_data():
    return Split("MNIST", "", 1.0, *3 * [(None, None)])


def cells(results, number, variant):
    """The rows of a table that can be compared: name, and the differences of its six cells."""
    (table,) = make_tables([number], results, variant, no_data())
    assert len(table.rows) == {3: 18, 5: 3, 6: 2}[number]
    return {row[0].value: [abs(float(c.difference)) for c in row[1:]] for row in table.rows}


def test_table_3_is_the_report_s(published):
    for run, differences in cells(published, 3, Variant()).items():
        assert max(differences) < (0.0045 if run == "9" else 0.0015)


def test_table_3_in_float32(published):
    found = cells(published, 3, Variant(dtype="float32"))
    assert max(max(differences) for run, differences in found.items() if run != "9") < 0.0035


def test_twins_are_published(published):
    unit = Variant(bias="unit").changes
    for configuration in (*RUNS.values(), *MINI_BATCHES.values(), *REGULARIZED.values()):
        assert len(rows_of(published, configuration, SEEDS, **unit)) == 3


@pytest.mark.parametrize(("number", "rows"), [(5, ["50", "100"]), (6, ["0.01", "0.001"])])
def test_tables_5_and_6_are_the_report_s(published, number, rows):
    found = cells(published, number, Variant())
    for name in rows:
        assert max(found[name][:2]) < 0.0015
        assert max(found[name][2:]) < 0.0025


def test_batches_of_10_collapse(published):
    rows = rows_of(published, MINI_BATCHES[10], SEEDS, **Variant().changes)
    assert len(rows) == 3
    assert all(map(collapsed, rows))


def test_published_files_are_of_the_published_results(published):
    for path in (PUBLISHED / "tables.md", PUBLISHED / "report.html"):
        assert "Table VI" in path.read_text()
    assert f"{len(published)} trainings" in (PUBLISHED / "report.html").read_text()
