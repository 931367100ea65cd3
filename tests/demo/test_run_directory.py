import asyncio
from pathlib import Path

import pytest

from scarcity.demo.run_directory import run_directory
from scarcity.events.errors import InputError, ServiceError


def test_a_temporary_run_directory_goes_unless_a_process_failed() -> None:
    with run_directory(None) as directory:
        pass
    assert not directory.exists()
    with pytest.raises(asyncio.CancelledError), run_directory(None) as directory:
        raise asyncio.CancelledError
    assert not directory.exists()
    with pytest.raises(ServiceError), run_directory(None) as directory:
        raise ServiceError("meta failed")
    assert directory.exists()
    directory.rmdir()


def test_each_run_has_a_directory_of_its_own_below_the_one_given(tmp_path: Path) -> None:
    with run_directory(tmp_path / "runs") as directory:
        assert directory.parent == tmp_path / "runs"
    assert directory.exists()


def test_a_data_directory_that_cannot_be_made_is_the_persons_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--data-dir"), run_directory(tmp_path / "file"):
        pass
