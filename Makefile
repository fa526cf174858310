# Everything sets itself up in .venv; nothing is needed but Python >= 3.11, pip and the package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Where the environment forbids it, each of some hundred processes of tests would compile all libraries for itself.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo check test slow look clients faults fuzz mutants lint pins golden snapshots schema pages docs certificates gallery bench lowest clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'synthgen needs Python 3.11 or newer; set PYTHON=')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python tests/install.py '.[dev]'
	touch $@

demo: $(VENV)/.ready  ## generate, check and open two datasets under build/
	$(BIN)/python examples/demo.py

check: lint  ## two minutes: lint, the golden rows of every spec, the contract of one spec a task
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow" --quick tests/test_contract.py

test: $(VENV)/.ready  ## everything that CI runs
	$(MAKE) -j2 --output-sync --no-print-directory kernels-igsm lint kernels-rest
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow and not alone"
	$(BIN)/python -m pytest -n 0 tests/test_speed.py

kernels-%: $(VENV)/.ready  # compiled once, beside the linter; else every process of tests would do it
	$(BIN)/python tests/compile_kernels.py $*

slow: $(VENV)/.ready  ## the longer suites
	$(BIN)/python -m pytest -n auto --dist worksteal -m slow -rs

faults: $(VENV)/.ready  ## every fault many times over, as a table; needs root for small disks
	$(BIN)/python tests/faults.py

fuzz: $(VENV)/.ready  ## ten minutes of junk for every reader; MINUTES=60 for more
	$(BIN)/python tests/fuzz.py $(or $(MINUTES),10)

mutants: $(VENV)/.ready  ## small faults planted in kernels, books and readers: which ones tests find; hours
	$(BIN)/python tests/mutants.py $(GROUP)

lint: $(VENV)/.ready  ## ruff, mypy, and who imports whom
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

look: $(VENV)/.ready  ## the explorer in a real browser; installs chromium (as root), playwright and axe-core
	command -v chromium >/dev/null || apt-get install -y --no-install-recommends chromium
	$(BIN)/python tests/install.py '.[dev,look]'
	npm install --silent --no-save --prefix build/look axe-core@4
	SYNTHGEN_LOOK=required $(BIN)/python -m pytest -n 0 -m slow tests/test_look.py

clients: $(VENV)/.ready  ## other people's packages, each in a venv of its own under build/; NAMES="trl polars" for some
	$(BIN)/python tests/clients.py --rows $(or $(ROWS),100000) $(NAMES)

pins: $(VENV)/.ready  ## pin anew, for this processor, what rows cost beside a yardstick
	$(BIN)/python tests/speed.py

golden: $(VENV)/.ready  ## pin the first rows of every spec anew, after raising a task's version
	$(BIN)/python tests/golden.py

snapshots: $(VENV)/.ready  ## take over what screens, cards and presets now are; look at the diff
	$(BIN)/python tests/test_snapshots.py

schema: $(VENV)/.ready  ## the JSON schema of specs, for editors
	$(BIN)/python -c "import json; from synthgen.spec.spec import spec_schema, specs_folder; (specs_folder() / 'schema.json').write_text(json.dumps(spec_schema(), indent=1) + '\n')"

pages: $(VENV)/.ready  ## docs/specs.md, api.md, contract.md and fidelity.md, from the package
	$(BIN)/python docs/generate.py

docs: pages $(VENV)/.docs  ## these pages, then the documentation site: build/site/index.html
	rm -rf build/site
	$(BIN)/python -m sphinx -q -E -n -W --keep-going -c docs -d build/doctrees . build/site

$(VENV)/.docs: $(VENV)/.ready  # what the site alone needs: Sphinx, its theme, notebooks
	$(BIN)/python tests/install.py '.[dev,docs]'
	touch $@

certificates: $(VENV)/.ready  ## the long runs behind sampled bits, all of them again: hours
	$(BIN)/python tests/certificates.py

gallery: $(VENV)/.ready  ## the cards of all specs under cards/gallery/
	$(BIN)/python -m synthgen.publish.gallery

bench: $(VENV)/.ready  ## rates on one core, as ratios
	$(BIN)/synthgen bench

LOWEST = $$(sed '/^dependencies/,/^tokenizers/!d' pyproject.toml | grep -o '"[^"]*>=[^"]*"' | tr -d '"' | sed 's/>=/==/')

lowest:  ## the contract with the lowest versions of all that is needed (but for torch), under build/
	$(PYTHON) -m venv build/lowest
	build/lowest/bin/pip install -q --no-compile $(LOWEST) pytest pytest-xdist hypothesis
	build/lowest/bin/pip install -q --no-deps .
	build/lowest/bin/python -m pytest -n auto -m "not slow" --quick tests/test_contract.py

clean:  ## remove .venv, build and dist
	rm -rf $(VENV) build dist
