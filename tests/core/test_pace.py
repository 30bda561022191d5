"""Who runs a task that is run again and again: whoever was faster when it was tried."""

from itertools import pairwise

import pytest

from mlpcore._pace import Pace


def run(pace, times, seconds):
    """Run a task; seconds are those of one thread and of the team. Returns who ran it."""
    shared = []
    for _ in range(times):
        shared.append(pace.is_shared())
        pace.took(seconds[shared[-1]])
    return shared


@pytest.mark.parametrize("seconds", [(2.0, 1.0), (1.0, 2.0)])
def test_a_trial_then_the_faster(seconds):
    pace = Pace()
    assert run(pace, 8, seconds) == 4 * [False] + 4 * [True]
    assert run(pace, 32, seconds) == 32 * [seconds[1] < seconds[0]]


def test_a_cold_first_run_tells_nothing():
    pace = Pace()
    for seconds in (9.0, 2.0, 2.0, 2.0, 9.0, 3.0, 1.0, 3.0):
        pace.took(seconds)
    assert pace.is_shared()


def test_trials_of_a_slower_team_become_rare():
    shared = run(Pace(), 100_000, (1.0, 2.0))
    begins = [i for i in range(1, len(shared)) if shared[i] and not shared[i - 1]]
    apart = [b - a for a, b in pairwise(begins)]
    assert apart == sorted(apart)
    assert max(apart) > 4000
    assert 20 < len(begins) < 40


def test_a_team_that_becomes_slow_is_tried_again():
    pace = Pace()
    run(pace, 20, (2.0, 1.0))
    assert run(pace, 2, (2.0, 3.0)) == [True, True]
    assert run(pace, 20, (2.0, 1.0)) == 20 * [True]
    assert run(pace, 12, (2.0, 3.0)) == 3 * [True] + 4 * [False] + 4 * [True] + [False]
