"""How to install what only some parts need."""

import configparser
import re
import shlex
import sys
from pathlib import Path

import pytest

from neuroevo.core.extras import how_to_install

ROOT = Path(__file__).parents[2]


def test_the_command_names_this_python_and_this_checkout_in_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    python, *arguments = shlex.split(how_to_install("export"))
    assert Path(python).samefile(sys.executable)
    assert arguments == ["-m", "pip", "install", "-e", f"{ROOT}[export]"]


def test_every_hint_names_an_extra_that_setup_cfg_has():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    sources = [path.read_text() for folder in ("genomes", "neuroevo", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    named = {name for source in sources for name in re.findall(r"how_to_install\(['\"](\w+)['\"]\)", source)}
    assert {"export", "gym", "mlflow", "ray"} <= named <= set(setup["options.extras_require"])


@pytest.mark.parametrize("folder", ["genomes", "neuroevo", "benchmarks", "experiments", "docs"])
def test_nothing_says_that_neuroevo_comes_from_a_package_index(folder):
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in (".py", ".md"):
            assert not re.search(r"pip install '?neuroevo", path.read_text()), path
