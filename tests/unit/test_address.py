"""What an address shows, what it refuses, and what becomes of its secrets in the texts of others."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle

import pytest

from aforo.address import Address, conceal

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "shown", "hosts"),
    [
        ("rtsp://admin:hunter2@10.0.0.5/stream2", "rtsp://10.0.0.5", [("10.0.0.5", None)]),
        ("RTSPS://admin:hunter2@Cam.Example:322/", "rtsps://Cam.Example:322", [("Cam.Example", 322)]),
        ("rtsp://admin:hun%40ter2%2F%23%5B%3A@[fe80::1]:554/s", "rtsp://[fe80::1]:554", [("fe80::1", 554)]),
        ("rtsp://admin:a:hunter2@10.0.0.5", "rtsp://10.0.0.5", [("10.0.0.5", None)]),
        ("rtsp://hunter2@10.0.0.5/", "rtsp://10.0.0.5", [("10.0.0.5", None)]),
        ("rtsp://10.0.0.5:554/user=admin_password=hunter2_channel=1_stream=0.sdp", "rtsp://10.0.0.5:554", None),
        ("http://10.0.0.5/cgi-bin/video.cgi?loginuse=admin&loginpas=hunter2", "http://10.0.0.5", None),
        ("https://cam/live.m3u8?access_token=hunter2", "https://cam", None),
        ("http://cam?hunter2", "http://cam", None),
        ("http://cam/x[1]/hunter2?a[]=1", "http://cam", None),
        ("http://cámara.example/hunter2", "http://cámara.example", None),
        ("postgresql://aforo:hun%23ter2@db:5432/hunter2?sslmode=require", "postgresql://db:5432", [("db", 5432)]),
        ("postgresql://u:hunter2@a:1,b/d", "postgresql://a:1,b", [("a", 1), ("b", None)]),
        ("postgres:///aforo?host=/run/hunter2", "postgres://", [("", None)]),
        ("postgresql://hunter2@%2Frun%2Fpg/d", "postgresql://%2Frun%2Fpg", [("%2Frun%2Fpg", None)]),
        ("kafka://a:9092,b/topic", "kafka://a:9092,b", [("a", 9092), ("b", None)]),
        ("ftp://admin:hunter2@10.0.0.5/x", "ftp://10.0.0.5", None),
    ],
)
def test_an_address_shows_scheme_and_hosts(text: str, shown: str, hosts: list[tuple[str, int | None]] | None) -> None:
    address = Address(text)
    assert address.reveal() == text
    assert str(address) == f"{address}" == "%s" % address == shown  # noqa: UP031
    assert f"{address!r} {[address]}" == f"Address({shown!r}) [Address({shown!r})]"
    assert hosts is None or list(address.hosts) == hosts


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "memory",
        "vtest.avi",
        "../recordings/a b.mp4",
        "2026-03-05T07:30:00.avi",
        "camera@home.mp4",
        "./north:1@noon.avi",
        "/mnt/north:1@noon?x=1.avi",
        "~/a:b@c.avi",
        r"C:\recordings\a@b.avi",
        "sqlite:///counts#1@home.db",
    ],
)
def test_files_and_devices_hold_no_secret(text: str) -> None:
    address = Address(text)
    assert (str(address), address.reveal(), address.hosts) == (text, text, ())


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://admin:hun@ter2@10.0.0.5/s",
        "rtsp://admin:hunter2/@10.0.0.5/s",
        "rtsp://admin:12/hunter2@10.0.0.5/s",
        "rtsp://admin:12?hunter2@10.0.0.5/s",
        "rtsp://admin:hunter2#@10.0.0.5/s",
        "rtsp://10.0.0.5/s#hunter2",
        "rtsp://admin:hunter2[@10.0.0.5/s",
        "rtsp://admin:hunter2]@10.0.0.5/s",
        "rtsp://admin:hunter2\\@10.0.0.5/s",
        "rtsp://admin:hunter2%@10.0.0.5/s",
        "rtsp://admin:hunter2%zz@10.0.0.5/s",
        "rtsp://admin:hunter2%00@10.0.0.5/s",
        "rtsp://admin:hunter2 @10.0.0.5/s",
        "rtsp://admin:hunter2\n@10.0.0.5/s",
        "rtsp://admin:hunter2\u2028@10.0.0.5/s",
        "rtsp://admin:hunter2",
        "rtsp://admin:hunter2/10.0.0.5",
        "rtsp://10.0.0.5/hunter2@home",
        "rtsp://10.0.0.5:99999/hunter2",
        "rtsp://10.0.0.5:0/hunter2",
        "rtsp:///hunter2",
        "http://a,b/hunter2",
        "http://[::1/hunter2",
        "http://a＠b/hunter2",
        "kafka:///hunter2",
        "postgresql://u:hun#ter2@db/aforo",
        "rtsp:/admin:hunter2@10.0.0.5/s",
        "rtsp:admin:hunter2@10.0.0.5/s",
        "http:10.0.0.5/hunter2",
        "//admin:hunter2@10.0.0.5/s",
        "admin:hunter2@10.0.0.5/s",
        "10.0.0.5/video.cgi?loginuse=admin&loginpas=hunter2",
        "the camera is rtsp://10.0.0.5/hunter2",
        "",
        "  ",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_in_one_sentence_without_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected [^\n]*$") as caught:
        Address(text)
    assert "hun" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_no_way_of_writing_objects_down_writes_the_secret() -> None:
    address = Address("rtsp://admin:hunter2@10.0.0.5/hunter2")

    @dataclasses.dataclass
    class Holder:
        address: Address

    for text in (repr(Holder(address)), str(dataclasses.asdict(Holder(address))), json.dumps([address], default=str)):
        assert "10.0.0.5" in text
        assert SECRET not in text
    for write in (pickle.dumps, json.dumps, vars, dict):
        with pytest.raises(TypeError) as caught:
            write(address)  # type: ignore[operator]
        assert SECRET not in str(caught.value)
    assert copy.copy(address) is copy.deepcopy(address) is address


def test_addresses_are_values() -> None:
    first, same, other = (Address(f"rtsp://u:{password}@cam/") for password in ("hunter2", "hunter2", "hunter3"))
    assert first == same != other
    assert len({first, same, other}) == 2
    assert first != str(first)
    with pytest.raises(AttributeError, match="cannot be changed"):
        first.scheme = "http"
    with pytest.raises(AttributeError, match="cannot be changed"):
        del first.scheme


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("cannot open rtsp://admin:hun%23ter2@10.0.0.5/live/ch1?key=letmein!", "cannot open rtsp://…"),
        ("the key of role 'admin' is wrong", "the key of role '…' is wrong"),
        ("401 for hun#ter2 on 10.0.0.5:554", "401 for … on 10.0.0.5:554"),
        ("HUN%23TER2 is somebody else's", "HUN%23TER2 is somebody else's"),
        ("letmein%21, letmein!", "…, …"),
        ("no such path live", "no such path …"),
    ],
)
def test_what_others_say_of_an_address_loses_its_secrets(said: str, left: str) -> None:
    camera = Address("rtsp://admin:hun%23ter2@10.0.0.5/live/ch1?key=letmein!")
    assert conceal(said) == left
    assert "hun#ter2" not in conceal(f"{camera.reveal()} hun#ter2", own=True)
    assert conceal("the live picture of an admin", own=True) == "the live picture of an admin"


def test_a_piece_of_one_address_does_not_save_the_rest_of_another() -> None:
    held = [Address("rtsp://wxyz@one/"), Address("rtsp://root:wxyz2345@two/"), Address("rtsp://5qqq@three/")]
    assert conceal("got wxyz2345qqq") == "got …"
    del held
    assert conceal("got wxyz2345qqq") == "got wxyz2345qqq"
