"""JSON that somebody else wrote: what is decoded, what is refused, and that nothing else decodes it."""

from __future__ import annotations

import ast
import json
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from package_syntax import files_with

from kosmo_kernel.safety.decoder import MAX_DEPTH, MAX_INTEGER, DecodeError, decode, decode_json, is_deeper_than


class ProblemError(Exception):
    """The error of a caller."""


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


DEEP = f"more than {MAX_DEPTH} lists and objects inside each other"
MANY = "more than 1,000,000 values"
LONG = "a whole number of more than 64 bits"
HALF = "half of a surrogate pair"
REFUSED = {
    "open lists": ("[" * 900_000, DEEP),
    "open objects": ('{"a":' * 500_000, DEEP),
    "deep lists": (nested(700), DEEP),
    "deep lists beside an escape": (rf'[{{"n":"\u002d","v":{nested(700)}}}]', DEEP),
    "brackets in texts between open lists": ('["]",' * 200, DEEP),
    "many values": ("[" + "[]," * 2_000_000 + "[]]", MANY),
    "many texts": ("[" + '"",' * 5_000_000 + '""]', MANY),
    "long text": ('"' + "a" * (64 << 20) + '"', "more than 67,108,864 bytes"),
    "long number": ("[" + "9" * 5_000 + "]", LONG),
    "large number": (f"[{MAX_INTEGER + 1}]", LONG),
    "large negative number": (f"[-{MAX_INTEGER + 1}0]", LONG),
    "large number beside a text of digits": (f'{{"{"7" * 30}": "{"8" * 30}", "n": {"9" * 30}}}', LONG),
}
MALFORMED = {
    "cut object": ('{"a": 1', "Input data was truncated"),
    "high surrogate": (r'["\ud800"]', HALF),
    "high surrogate at the end": (r'["\ud83d\ude00 \ud800"]', HALF),
    "low surrogate": (r'["\udc00"]', HALF),
    "half a character": (b'["\xf0\x9f"]', "Invalid UTF-8"),
    "no number": ("NaN", "malformed"),
    "huge exponent": ("[1e999]", "out of range"),
    "two values": ("[] []", "trailing characters"),
    "nothing": ("", "truncated"),
}


@pytest.mark.claim("parent-files")
@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_json_beyond_a_bound_is_one_error_before_anything_is_made_of_it(text: str, reason: str) -> None:
    data = text.encode()
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError, match=reason) as caught:
            decode(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.is_excess
    assert not caught.value.is_cut_off
    assert peak < 4 * len(data) + 100_000


@pytest.mark.parametrize(("text", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_json_is_the_same_error(text: str | bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason) as caught:
        decode(text)
    assert not caught.value.is_excess
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_an_error_of_the_decoder_has_no_part_of_the_text() -> None:
    secret = "HRKU-AA" + "5ecre7" * 8
    for text in (f'["{secret}', f'["{secret}" x]', f'["{secret}', f'{{"{secret}": \xff}}'.encode("latin-1")):
        with pytest.raises(DecodeError) as caught:
            decode(text)
        assert secret not in repr(vars(caught.value)) + repr(caught.value) + str(caught.value.__context__)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 900_000, rf"^f has {DEEP}\.$"),
        ('{"a": 1', r"^f:1:8 is no JSON: Expecting ',' delimiter\.$"),
        (b"\xff", r"^f is no JSON that can be read\.$"),
        ('"\ud800', "is no JSON"),
    ],
    ids=["bound", "syntax", "no text", "half a surrogate pair"],
)
def test_the_error_of_a_caller_names_the_file_and_the_place(text: str | bytes, reason: str) -> None:
    with pytest.raises(ProblemError, match=reason):
        decode_json(text, "f", ProblemError)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER - 1, MAX_INTEGER) | st.text('a"\\[]{},'),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('a"\\[]{},'), inner, max_size=4),
    max_leaves=30,
)


@given(JSON)
@example(json.loads(nested(MAX_DEPTH)))
@example({"a": "[" * 5_000, 'b\\"': '"' * 500 + "{" * 500, "n": "9" * 40})
@example([0.12345678901234567891234, 1e-300, 12345678901234567890.5])
def test_what_keeps_the_bounds_is_decoded(value: Any) -> None:
    assert decode(json.dumps(value)) == value


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(JSON, st.integers(0, 12))
def test_the_depth_of_any_json_is_that_of_its_value(value: object, most: int) -> None:
    assert is_deeper_than(json.dumps(value).encode(), most) == (depth_of(value) > most)


@given(JSON.filter(lambda value: isinstance(value, (list, dict))), st.data())
@example(["\ud83d"], None)
def test_only_the_beginning_of_a_text_is_cut_off(value: Any, data: Any) -> None:
    text = json.dumps(value)
    size = data.draw(st.integers(0, len(text) - 1)) if data else len(text)
    with pytest.raises(DecodeError) as caught:
        decode(text[:size])
    assert caught.value.is_cut_off == (size < len(text))


@pytest.mark.parametrize("text", ["<html>{", "[{]", "[1, 2 3]", '{"a": }', "]"])
def test_what_is_wrong_before_its_end_is_not_cut_off(text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(text)
    assert not caught.value.is_cut_off


@pytest.mark.parametrize("text", ["[" * 100 + "]" * 100, '["\\"', '"9999999999999999999",', "[9999999999999999999e"])
def test_the_time_for_a_text_grows_no_faster_than_the_text(text: str) -> None:
    def seconds(size: int) -> float:
        data = (text * (size // len(text))).encode()
        begun = time.thread_time()
        with pytest.raises(DecodeError):
            decode(data)
        return time.thread_time() - begun

    small, large = min(seconds(200_000) for _ in range(3)), min(seconds(800_000) for _ in range(3))
    assert large < 8 * small + 0.01


# The only place that decodes ------------------------------------------------------------------------------------

DECODES = {
    *("json.loads", "json.load", "json.JSONDecoder", "json.decoder", "json.decode", "orjson.loads"),
    *(
        "msgspec.json.decode",
        "msgspec.json.Decoder",
        "msgspec.msgpack",
        "msgspec.toml",
        "msgspec.yaml",
    ),
    *("tomllib.loads", "tomllib.load", "nbformat.reads", "nbformat.read", "yaml.safe_load", "yaml.load"),
    *("pickle.loads", "pickle.load", "marshal.loads", "shelve.open", "eval", "exec", "ast.literal_eval"),
    *("netrc.netrc", "csv.reader", "csv.DictReader", "configparser.ConfigParser", "plistlib.loads"),
    *("ET.fromstring", "ET.parse", "ElementTree.fromstring", "BeautifulSoup", "HTMLParser"),
    *("zlib.decompress", "zlib.decompressobj", "gzip.decompress", "gzip.open", "bz2", "lzma", "zipfile", "tarfile"),
}
PARSERS_OF_MODELS = {"model_validate_json", "validate_json", "parse_raw", "from_json"}

# Files that decode by themselves, each with what is decoded there and why that is bounded or our own.
ALLOWED = {
    "safety/decoder.py": "the decoder itself",
    "client/transport.py": "gzip of a response, in pieces, whose size and ratio are bounded while it is unpacked",
    "reader/documents.py": "TOML: a short text whose keys are bounded before, or any text in the walled reader",
    "runbook/notebook.py": "a notebook within the bounds of the decoder, by nbformat; literals of Python cells",
    "walls/wire.py": "what the parent process sends, in the processes without a token",
    "kernel/channels.py": "messages that the front end signed, which may have halves of surrogate pairs",
    "magic/magics.py": "expressions that the user wrote in a cell of Python",
    "render/frames.py": "a method of pandas' frames, on an expression that the user wrote",
    "cli/demo.py": "a notebook of this package",
    "accounts/discovery.py": "the user's own netrc file, whose size is bounded before",
    "values/fields.py": "names of columns, each a text that was written here",
    "values/records.py": "records that were decoded within the bounds, or encoded, before",
    "cli/arguments.py": "an argument of the user's command: its fields may repeat",
    "runbook/page.py": "a page that this package wrote before",
    "integrations/heroku/facts.py": "shipped",
    "integrations/heroku/__main__.py": "a tool of developers",
    "integrations/heroku/demo/records.py": "the demo's own records",
    "cli/kernelspec.py": "shipped",
    "settings/installation.py": "metadata of the installed package",
}


@pytest.mark.claim("parent-files")
def test_only_the_decoder_decodes_what_others_may_have_written() -> None:
    decoding = files_with(_decoding_names)
    assert {name: found for name, found in decoding.items() if name not in ALLOWED} == {}
    assert sorted(ALLOWED.keys() - decoding.keys()) == [], "these decode nothing any more"


def _decoding_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)):  # called, or passed on
            name = ast.unparse(node)
            if name in DECODES or name.rpartition(".")[2] in PARSERS_OF_MODELS:
                yield name
        elif isinstance(node, ast.ImportFrom):  # under another name
            yield from (f"{node.module}.{item.name}" for item in node.names if f"{node.module}.{item.name}" in DECODES)


@pytest.mark.parametrize(
    "source",
    ["json.loads(x)", "read = msgspec.json.decode", "from json import loads", "adapter.validate_json(line)", "eval(x)"],
)
def test_a_second_decoder_is_seen(source: str) -> None:
    assert list(_decoding_names(ast.parse(source)))
