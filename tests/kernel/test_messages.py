"""Jupyter's messages on the wire, written by one side and read by Jupyter's own code, and the other way round."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session as Client

from kosmo_kernel.kernel.channels import NO_PARENT, Channels, ConnectionFile, InvalidMessageError, MessageCodec, Request

KEY = b"a key that both have"


def client() -> Client:
    return Client(key=KEY, signature_scheme="hmac-sha256")


def typed(kind: str = "execute_request", content: dict[str, Any] | None = None) -> list[bytes]:
    """Return the frames of a request as Jupyter's clients write them."""
    one = client()
    return one.serialize(one.msg(kind, content or {"code": "1"}), ident=b"front end")


# Reading -----------------------------------------------------------------------------------------------


def test_a_request_of_jupyters_own_is_read() -> None:
    request = MessageCodec(KEY).open([*typed(content={"code": "print('ü')"}), b"a buffer"])
    assert (request.identities, request.kind, request.buffers) == ([b"front end"], "execute_request", [b"a buffer"])
    assert request.content == {"code": "print('ü')"}
    assert json.loads(request.header)["msg_type"] == "execute_request"


@pytest.mark.parametrize(("sent", "read"), [(b"\\ud800", "\ud800"), (b"\xff", "\ufffd")])
def test_text_that_is_no_text_is_read_all_the_same(sent: bytes, read: str) -> None:
    frames = [b"<IDS|MSG>", b"", b'{"msg_type": "execute_request"}', b"{}", b"{}", b'{"code": "' + sent + b'"}']
    assert MessageCodec(b"").open(frames).content == {"code": read}


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        ([], "frames that are no message"),
        ([b"front end", b"<IDS|MSG>"], "frames that are no message"),
        ([b"front end", b"<IDS|MSG>", b"", b"{}", b"{}", b"{}", b"{}"], "a message with a wrong signature"),
        ([*typed()[:-1], b'{"code": "os.exit()"}'], "a message with a wrong signature"),
        (MessageCodec(b"another key").seal("execute_request", {}, NO_PARENT), "a message with a wrong signature"),
    ],
)
def test_what_nobody_with_the_key_has_signed_is_no_request(frames: list[bytes], why: str) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        MessageCodec(KEY).open(frames)
    assert str(caught.value) == why


def test_a_message_counts_once() -> None:
    envelopes, frames = MessageCodec(KEY), typed()
    envelopes.open(frames)
    with pytest.raises(InvalidMessageError, match="there before"):
        envelopes.open(frames)


def test_what_is_signed_and_makes_no_sense_is_no_request() -> None:
    envelopes = MessageCodec(b"")
    with pytest.raises(InvalidMessageError, match="makes no sense"):
        envelopes.open([b"<IDS|MSG>", b"", b"[]", b"{}", b"{}", b"{}"])
    with pytest.raises(InvalidMessageError, match="makes no sense"):
        envelopes.open([b"<IDS|MSG>", b"", b"{", b"{}", b"{}", b"{}"])


def test_a_scheme_that_is_not_known_is_an_error() -> None:
    with pytest.raises(ValueError, match="rot13"):
        MessageCodec(KEY, "rot13")


# Writing -----------------------------------------------------------------------------------------------


def read(frames: list[Any]) -> dict[str, Any]:
    """Return a message of ours as Jupyter's clients read it."""
    one = client()
    identities, rest = one.feed_identities(frames)
    return one.deserialize(rest) | {"identities": identities}


def test_a_reply_is_read_by_jupyters_own_code() -> None:
    request = MessageCodec(KEY).open(typed())
    reply = read(MessageCodec(KEY).seal("execute_reply", {"a": ["ü", None]}, request, identities=request.identities))
    assert (reply["identities"], reply["msg_type"], reply["content"]) == (
        [b"front end"],
        "execute_reply",
        {"a": ["ü", None]},
    )
    assert reply["header"]["version"] == "5.5"
    assert reply["header"]["date"].tzinfo is not None
    assert reply["parent_header"]["msg_id"] == json.loads(request.header)["msg_id"]


def test_what_json_does_not_have_becomes_what_it_has() -> None:
    content = {"numbers": [float("nan"), float("inf"), 1.5, (2, float("-inf"))], "path": Path("a")}
    told = read(MessageCodec(KEY).seal("display_data", content, NO_PARENT))["content"]
    assert told == {"numbers": [None, None, 1.5, [2, None]], "path": "a"}


def test_half_a_character_does_not_stop_a_message() -> None:
    told = read(MessageCodec(KEY).seal("execute_input", {"code": "'\ud800'"}, NO_PARENT))
    assert told["content"] == {"code": "'\ud800'"}


def test_buffers_follow_the_texts() -> None:
    frames = MessageCodec(KEY).seal("comm_msg", {}, NO_PARENT, metadata={"m": 1}, buffers=[b"raw", memoryview(b"more")])
    message = read(frames)
    assert ([bytes(buffer) for buffer in message["buffers"]], message["metadata"]) == ([b"raw", b"more"], {"m": 1})


def test_every_message_has_an_id_of_its_own() -> None:
    envelopes = MessageCodec(KEY)
    ids = {read(envelopes.seal("status", {}, NO_PARENT))["header"]["msg_id"] for _ in range(10)}
    assert len(ids) == 10


def test_a_request_is_handed_on_as_python_programs_know_it() -> None:
    request = MessageCodec(KEY).open([*typed("comm_msg", {"comm_id": "1", "data": {}}), b"raw"])
    message = request.as_dict()
    assert (message["msg_type"], message["content"]["comm_id"]) == ("comm_msg", "1")
    assert bytes(message["buffers"][0]) == b"raw"


# Sockets -----------------------------------------------------------------------------------------------


def test_ports_that_nobody_chose_are_told_in_the_connection_file(tmp_path: Path) -> None:
    path = tmp_path / "kernel.json"
    path.write_text(json.dumps({"key": "abc", "ip": "127.0.0.1", "shell_port": 0}), encoding="utf-8")
    channels = Channels(ConnectionFile.read(path))
    told = json.loads(path.read_text(encoding="utf-8"))
    channels.close()
    assert {name: told[name] for name in channels.ports} == channels.ports
    assert all(port > 0 for port in channels.ports.values())
    assert (told["key"], path.stat().st_mode & 0o077) == ("abc", 0)


def test_a_kernel_that_nobody_gave_a_file_writes_one_and_takes_it_away(tmp_path: Path) -> None:
    path = tmp_path / "runtime" / "kernel.json"
    channels = Channels(ConnectionFile.read(path))
    told = json.loads(path.read_text(encoding="utf-8"))
    assert len(told["key"]) >= 32
    channels.close()
    assert not path.exists()


def test_a_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "kernel.json"
    first = Channels(ConnectionFile.read(path))
    with pytest.raises(zmq.ZMQError, match="Address already in use"):
        Channels(ConnectionFile.read(path))
    first.close()


def listener(context: zmq.Context[Any], port: int) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = context.socket(zmq.SUB)
    socket.linger = 0
    socket.connect(f"tcp://127.0.0.1:{port}")
    socket.subscribe(b"")
    return socket


def test_everyone_who_begins_to_listen_is_welcomed(tmp_path: Path) -> None:
    connection = ConnectionFile(tmp_path / "kernel.json", {"transport": "tcp", "ip": "127.0.0.1", "key": "abc"})
    connection.fields["signature_scheme"] = "hmac-sha256"
    channels = Channels(connection)
    one = Client(key=b"abc", signature_scheme="hmac-sha256")
    with zmq.Context() as context:
        for _ in range(2):
            with listener(context, channels.ports["iopub_port"]) as socket:
                while not socket.poll(20):
                    channels.welcome()
                _, message = one.recv(socket)
                assert message is not None
                assert (message["msg_type"], message["content"]) == ("iopub_welcome", {"subscription": ""})
    channels.close()


def test_a_broadcast_names_its_parent(tmp_path: Path) -> None:
    connection = ConnectionFile.read(tmp_path / "kernel.json")
    channels = Channels(connection)
    one = Client(key=connection.fields["key"].encode(), signature_scheme="hmac-sha256")
    with zmq.Context() as context, listener(context, channels.ports["iopub_port"]) as socket:
        while not socket.poll(20):
            channels.welcome()
        one.recv(socket)
        channels.broadcast("stream", {"name": "stdout", "text": "a"}, Request(header=b'{"msg_id": "the parent"}'))
        assert socket.poll(5000)
        _, message = one.recv(socket)
        assert message is not None
        assert (message["content"]["text"], message["parent_header"]["msg_id"]) == ("a", "the parent")
    channels.close()


def test_a_heartbeat_comes_back_as_it_was_sent(tmp_path: Path) -> None:
    channels = Channels(ConnectionFile.read(tmp_path / "kernel.json"))
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(f"tcp://127.0.0.1:{channels.ports['hb_port']}")
        for beat in (b"ping", b"pong"):
            socket.send(beat)
            assert socket.poll(5000)
            assert socket.recv() == beat
    channels.close()


@pytest.mark.claim("kernel-messages")
@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
def test_a_sender_of_a_frame_that_is_too_long_is_disconnected(
    channel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kosmo_kernel.kernel.channels.MAX_MESSAGE_BYTES", 1000)
    channels = Channels(ConnectionFile.read(tmp_path / "kernel.json"))
    receiver = getattr(channels, channel)
    with zmq.Context() as context, sender(context, channels, channel) as socket:
        with socket.get_monitor_socket(int(zmq.EVENT_DISCONNECTED)) as events:
            socket.send(b"x" * 1001)
            assert events.poll(5000)
            socket.disable_monitor()
        assert not receiver.poll(0)
        with sender(context, channels, channel) as other:
            other.send(b"x" * 1000)
            assert receiver.poll(5000)
            assert receiver.recv_multipart()[1:] == [b"x" * 1000]
    channels.close()


@pytest.mark.claim("kernel-messages")
def test_messages_that_the_kernel_does_not_read_wait_at_their_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kosmo_kernel.kernel.channels.MAX_QUEUED_REQUESTS", 10)
    channels = Channels(ConnectionFile.read(tmp_path / "kernel.json"))
    with zmq.Context() as context, sender(context, channels, "shell") as socket:
        socket.sndhwm, socket.sndtimeo = 1, 300  # milliseconds
        with pytest.raises(zmq.Again):  # after a while: buffers of the operating system take some as well
            list(map(socket.send, [bytes(100_000)] * 1000))
    channels.close()


def sender(context: zmq.Context[Any], channels: Channels, channel: str) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(f"tcp://127.0.0.1:{channels.ports[f'{channel}_port']}")
    return socket
