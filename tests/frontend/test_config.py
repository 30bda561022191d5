import os
import subprocess
import sys

import pytest

import mlpcore
from mlpcore._levels import has_bfloat16, simd_level, simd_levels


def run(program, level):
    env = os.environ | {"MLPCORE_SIMD": level}
    return subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False
    )


def test_show_config(capsys):
    mlpcore.show_config()
    shown = capsys.readouterr().out
    assert f"mlpcore       {mlpcore.__version__}\n" in shown
    assert f"kernels       {simd_level()}, of " in shown
    assert f"bfloat16      {'yes' if has_bfloat16() else 'no'}\n" in shown


@pytest.mark.parametrize("level", simd_levels())
def test_environment_names_a_level(level):
    done = run("import mlpcore; mlpcore.show_config()", level)
    assert f"kernels       {level}, of {', '.join(simd_levels())}\n" in done.stdout


def test_environment_names_no_level():
    done = run("import mlpcore", "sse9")
    assert done.returncode == 1
    assert "ValueError: MLPCORE_SIMD='sse9': allowed on this processor is one of" in done.stderr
