import io
import json

import pytest

from tidewright.cli.work_log import WorkLog


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Gone(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


def test_an_event_is_one_json_document_a_line():
    stream = io.StringIO()
    log = WorkLog(stream)
    log.tell("stage", "Trading", percent=14)
    log.tell("Failed", "one\ntwo é", "error", exitCode=1)
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first.pop("timestamp").endswith("Z")
    assert first == {"level": "info", "event": "stage", "message": "Trading", "percent": 14}
    assert (second["level"], second["event"], second["message"]) == ("error", "Failed", "one\ntwo é")


def test_on_a_terminal_it_is_words():
    stream = Terminal()
    WorkLog(stream).tell("stage", "Trading", percent=14)
    assert stream.getvalue()[8:] == "   14 %  Trading\n"


@pytest.mark.parametrize("stream", [Gone(), io.StringIO()], ids=["gone", "closed"])
def test_a_reader_that_goes_away_is_no_reason_to_fail(stream):
    log = WorkLog(stream)
    if not isinstance(stream, Gone):
        stream.close()
    log.tell("stage", "Trading")
