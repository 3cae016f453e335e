"""URLs of servers, and what people read of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.history.postgres.place import url_of, where
from resnet_studio.history.store import open_history
from resnet_studio.platform.home import Home

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_means_psycopg_3(scheme: str) -> None:
    url = url_of(f"{scheme}://me:s%40cret@server:5433/runs?sslmode=require")
    assert (url.drivername, url.password, url.database) == ("postgresql+psycopg", "s@cret", "runs")
    assert where(url) == "runs on server:5433"


def test_a_socket_is_named_by_its_folder() -> None:
    assert where(url_of("postgresql://me@/runs?host=%2Frun%2Fpostgresql")) == "runs on /run/postgresql"


@pytest.mark.parametrize("url", ["postgresql://", "postgresql://server", "postgresql://server/"])
def test_a_url_without_a_database_is_refused_in_one_sentence(home: Home, url: str) -> None:
    with pytest.raises(UserError, match="names no database"):
        open_history(url, home=home)


@pytest.mark.parametrize("port", ["abc", "99999", "-1", "0", "b:c"])
def test_a_port_that_is_none_is_said_to_be(home: Home, port: str) -> None:
    with pytest.raises(UserError, match="from 1 to 65535"):
        open_history(f"postgresql://me@server:{port}/runs", home=home)


def test_an_at_sign_in_a_password_is_explained_and_not_repeated(home: Home) -> None:
    with pytest.raises(UserError, match="written %40") as caught:
        open_history("postgresql://me:sec@ret@server/runs", home=home)
    assert "ret@" not in str(caught.value)
    with pytest.raises(UserError, match="written %40"):
        open_history("postgresql://me:a@b:c@server/runs", home=home)


def test_an_unknown_option_of_the_url_is_one_sentence(home: Home) -> None:
    with pytest.raises(StoreError, match=r"not understood .*nonsense") as caught:
        open_history(f"{home.history}&password=secret&nonsense=1", home=home)
    assert "secret" not in str(caught.value)


def test_no_server_is_one_sentence_and_no_password(home: Home, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^The server of the history runs on .* does not answer .*\.$") as caught:
        open_history(f"postgresql://me:secret@/runs?host={tmp_path}", home=home)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_database_and_an_unknown_user_are_told_apart(home: Home) -> None:
    missing = home.history.replace("/history_", "/nothing_", 1)
    with pytest.raises(StoreError, match=r"There is no history .*does not exist.*create the database"):
        open_history(missing, home=home)
    with pytest.raises(StoreError, match=r"does not let this user in"):
        open_history(home.history.replace("postgres@", "nobody_known@"), home=home)


def test_psycopg_is_loaded_only_where_it_is_asked_for(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from resnet_studio.history.store import open_history; "
        "from resnet_studio.platform.home import Home; open_history(Home(Path(sys.argv[1]))).close(); "
        "from resnet_studio.cli.command_tree import load; load(['--help']); print('psycopg' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert said.strip() == "False"


def test_without_psycopg_a_sentence_says_what_to_install(home: Home, tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from resnet_studio.__main__ import start; raise SystemExit(start(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "--home", str(tmp_path), "--history", home.history, "runs", "list"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'resnet-studio[postgres]'" in done.stderr
    assert "Traceback" not in done.stderr
