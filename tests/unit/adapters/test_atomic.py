import errno

import pytest

from tidewright.adapters.atomic import atomic_write, locked


def test_the_finished_file_takes_the_place_of_the_old_one(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    atomic_write(path, lambda temporary: temporary.write_text("old"))
    atomic_write(path, lambda temporary: temporary.write_text("new"))

    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "interruption", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=["full disk", "Ctrl-C"]
)
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, interruption):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def half(temporary):
        temporary.write_text("ne")
        raise interruption

    with pytest.raises(type(interruption)):
        atomic_write(path, half)

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_is_held_by_one_at_a_time(tmp_path):
    lock = tmp_path / "lock"

    with locked(lock, timeout=0), pytest.raises(TimeoutError, match="try again"), locked(lock, timeout=0):
        pass
    with locked(lock, timeout=0):
        assert lock.exists()
