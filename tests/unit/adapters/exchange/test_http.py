import asyncio
import random

import pytest
from fake_binance import cut, stall, status, trickle

from tidewright.adapters.exchange.http import Http, Patience, Rejected, Unavailable

FILE = "/data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01-01.zip"
TIME = "/api/v3/time"
QUICK = Patience(timeout=0.2)


@pytest.fixture
def get(binance, clock):
    """Calls a method of a client with the address of a path, and further arguments."""

    def call(method, path, *arguments, patience=QUICK):
        async def run():
            async with Http(2, patience, clock.pace) as http:
                return await getattr(http, method)(f"{binance.url}{path}", *arguments)

        return asyncio.run(run())

    return call


def test_an_answer_is_its_body_or_json(get, binance):
    assert get("json", TIME, {}) == {"serverTime": binance.now}
    assert get("body", FILE) == binance.file(FILE)


@pytest.mark.parametrize("body", [b"<html>", b"[" * 100_000])
def test_an_answer_that_is_no_json_is_rejected(get, binance, body):
    binance.fail(TIME, status(200, body))
    with pytest.raises(Rejected, match="something else than JSON"):
        get("json", TIME, {})


def test_what_is_not_there_is_none_and_asked_for_once(get, binance):
    assert get("body", "/data/nothing.zip") is None
    assert len(binance.requests) == 1


@pytest.mark.parametrize("code", [408, 429, 418, 500, 502, 503, 520])
def test_what_may_pass_is_asked_for_again(get, binance, clock, code):
    binance.fail(TIME, status(code))

    assert get("json", TIME, {})["serverTime"]
    assert clock.waits == [0.5]


def test_pauses_double_up_to_the_longest(get, binance, clock):
    binance.fail(TIME, *[status(503)] * 5)
    get("json", TIME, {}, patience=Patience(longest_pause=3.0))

    assert clock.waits == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_pauses_are_drawn_between_half_and_all():
    assert [Patience().pause(3, drawn) for drawn in (0.0, 0.5, 1.0)] == [2.0, 3.0, 4.0]


def test_after_the_last_attempt_the_address_and_the_reason_are_named(get, binance):
    binance.fail(TIME, *[status(503)] * 10)

    with pytest.raises(Unavailable, match=r"/api/v3/time: it answers 503 Service Unavailable, at attempt 6"):
        get("json", TIME, {})
    assert len(binance.requests) == 6


def test_all_requests_together_are_repeated_so_often_and_no_more(binance, clock):
    binance.fail("/", *[status(500)] * 100)

    async def run():
        async with Http(2, Patience(retries=8), clock.pace) as http:
            return await asyncio.gather(*(http.body(f"{binance.url}/{i}") for i in range(10)), return_exceptions=True)

    assert all(isinstance(error, Unavailable) for error in asyncio.run(run()))
    assert len(binance.requests) == 10 + 8


@pytest.mark.parametrize("code", [429, 418])
def test_a_server_that_asks_for_a_pause_is_left_alone_for_it(get, binance, clock, code):
    binance.fail(TIME, status(code, Retry_After="7"))
    get("json", TIME, {})

    assert clock.time == 7.0


def test_a_moment_to_come_back_at_is_by_the_servers_own_clock(get, binance, clock):
    moments = {"Date": "Wed, 21 Oct 1998 07:28:00 GMT", "Retry_After": "Wed, 21 Oct 1998 07:28:42 GMT"}
    binance.fail(TIME, status(503, **moments))
    get("json", TIME, {})

    assert clock.time == 42.0


def test_every_request_waits_for_a_server_that_told_one_of_them(binance, clock):
    binance.fail("/first", status(429, Retry_After="9"))

    async def run():
        async with Http(2, Patience(attempts=1), clock.pace) as http:
            with pytest.raises(Unavailable):
                await http.body(f"{binance.url}/first")
            assert clock.waits == []
            await http.body(f"{binance.url}{TIME}")

    asyncio.run(run())
    assert clock.waits == [9.0]


def test_nobody_waits_for_hours(get, binance, clock):
    binance.fail(TIME, status(418, Retry_After="7200"))

    with pytest.raises(
        Unavailable, match=r"it answers 418 .* and asks to wait 7,200 s; run the same command again then"
    ):
        get("json", TIME, {})
    assert clock.waits == []


def test_a_refusal_is_not_asked_about_again_and_is_quoted(get, binance):
    binance.fail(TIME, status(451, b'{"msg": "restricted location"}'))

    with pytest.raises(Rejected, match=r"answers 451 .*restricted location") as error:
        get("json", TIME, {})
    assert error.value.status == 451
    assert len(binance.requests) == 1


def test_redirections_are_told_and_not_followed(get, binance):
    binance.fail(TIME, status(302, Location="https://elsewhere.example/"))

    with pytest.raises(Rejected, match=r"answers 302 Found to https://elsewhere\.example/"):
        get("json", TIME, {})


def test_something_else_than_json_is_quoted(get, binance):
    binance.fail(TIME, status(200, b"<html>Please log in</html>"))

    with pytest.raises(Rejected, match="something else than JSON: '<html>Please log in</html>'"):
        get("json", TIME, {})


def test_a_large_answer_is_not_read_to_its_end(get):
    with pytest.raises(Rejected, match="larger than 100 bytes"):
        get("body", FILE, 100)


def test_no_address_is_refused(clock):
    async def run():
        async with Http(1, QUICK, clock.pace) as http:
            await http.body("http://127.0.0.1:port/")

    with pytest.raises(Rejected, match="is no address"):
        asyncio.run(run())


def test_nobody_listening_is_unavailable(binance, clock):
    binance.__exit__()

    async def run():
        async with Http(1, QUICK, clock.pace) as http:
            await http.body(f"{binance.url}{TIME}")

    with pytest.raises(Unavailable, match="at attempt 6"):
        asyncio.run(run())


def test_a_silent_server_is_given_up_on(get, binance):
    binance.fail(TIME, *[stall] * 6)

    with pytest.raises(Unavailable, match="nothing arrived in time"):
        get("json", TIME, {}, patience=Patience(timeout=0.02))


def test_a_server_that_trickles_is_given_up_on(get, binance):
    binance.fail(TIME, *[trickle] * 6)

    with pytest.raises(Unavailable, match="nothing arrived in time"):
        get("json", TIME, {}, patience=Patience(deadline=0.02))


def test_a_download_that_breaks_at_any_byte_goes_on_from_there(get, binance, tmp_path):
    whole = binance.file(FILE)
    draw = random.Random(7)  # noqa: S311
    for i in range(12):
        first, second = sorted(draw.sample(range(len(whole)), 2))
        binance.fail(FILE, cut(first), cut(second - first))
        path = tmp_path / f"{i}.zip"

        assert get("download", FILE, path, 1 << 20)
        assert path.read_bytes() == whole


def test_a_later_run_goes_on_too(get, binance, tmp_path):
    path = tmp_path / "file.zip"
    path.write_bytes(binance.file(FILE)[:1_000])
    binance.fail(FILE, cut(10))
    with pytest.raises(Unavailable):
        get("download", FILE, path, 1 << 20, patience=Patience(attempts=1))
    assert path.read_bytes() == binance.file(FILE)[:1_010]
    get("download", FILE, path, 1 << 20)

    assert path.read_bytes() == binance.file(FILE)


def test_a_server_without_ranges_sends_all_of_it_again(get, binance, tmp_path):
    def rangeless(handler, _):
        handler.headers.replace_header("Range", "")
        return False

    path = tmp_path / "file.zip"
    path.write_bytes(b"old")
    binance.fail(FILE, rangeless)
    get("download", FILE, path, 1 << 20)

    assert path.read_bytes() == binance.file(FILE)


def test_another_part_than_asked_for_is_not_taken(get, binance, tmp_path):
    path = tmp_path / "file.zip"
    path.write_bytes(b"PK")
    binance.fail(FILE, status(206, b"other", Content_Range="bytes 9-13/14"))
    get("download", FILE, path, 1 << 20)

    assert path.read_bytes() == binance.file(FILE)


def test_a_file_with_more_than_the_server_has_is_begun_anew(get, binance, tmp_path):
    path = tmp_path / "file.zip"
    path.write_bytes(binance.file(FILE) + b"more")
    get("download", FILE, path, 1 << 20)

    assert path.read_bytes() == binance.file(FILE)


def test_a_length_that_is_not_kept_is_a_broken_connection(get, binance, clock, tmp_path):
    def short(handler, body):
        handler.answer(200, body[:50], {"Content-Length": "60"})
        handler.close_connection = True
        return True

    binance.fail(FILE, short)
    get("download", FILE, tmp_path / "file.zip", 1 << 20)

    assert clock.waits == [0.5]
    assert (tmp_path / "file.zip").read_bytes() == binance.file(FILE)


def test_a_file_that_is_too_large_is_removed(get, tmp_path):
    with pytest.raises(Rejected, match="larger than 100 bytes"):
        get("download", FILE, tmp_path / "file.zip", 100)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_it_and_leaves_nothing(get, tmp_path):
    path = tmp_path / "file.zip"
    path.symlink_to("/dev/full")

    with pytest.raises(OSError, match="No space left on device"):
        get("download", FILE, path, 1 << 20)
    assert list(tmp_path.iterdir()) == []
