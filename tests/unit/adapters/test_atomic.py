import errno

import pytest

from tidewright.adapters.atomic import UNFINISHED, atomic_write, clear_unfinished, locked


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


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    for name in ("first", "again"):
        (tmp_path / name / f"{UNFINISHED}abc").mkdir(parents=True)
        (tmp_path / name / f"{UNFINISHED}abc" / "half").write_text("ha")
    (tmp_path / "again" / "result.json").write_text("{}")
    for name in ("first", "again", "never"):
        clear_unfinished(tmp_path / name)

    assert [path.name for path in tmp_path.iterdir()] == ["again"], "a folder with nothing in it goes too"
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["result.json"]
