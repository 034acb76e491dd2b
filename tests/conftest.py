"""Golden files: text that a person has read once, compared byte for byte ever after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples everywhere: a failure in CI is one that everyone can see. Campaigns over other
# seeds are the tests marked slow.
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("repeatable")

GOLDEN = Path(__file__).parent / "golden"


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """With -n, each worker gets a half of the files: what they build once is built once."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "worksteal"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files instead of comparing"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """``golden(text, suffix)`` compares with ``golden/<test module>/<test name><suffix>``."""

    def check(text: str, suffix: str = ".txt") -> None:
        path = GOLDEN / request.path.stem / (request.node.name + suffix)
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"there is no {path}; run pytest --update-golden and read it"
        assert text == path.read_text(encoding="utf-8"), (
            f"{path} differs; if the new text is right, run pytest --update-golden"
        )

    return check
