"""Long JSON lists, record by record: what json.loads reads, no more memory, nothing but JSON."""

import json
import math
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.errors import SourceError
from toolkit.sources import json_stream
from toolkit.sources.json_stream import read_elements, read_object

HEADER = {"version": 2, "share": 1.5e-7, "name": "ü <x>", "empty": {}, "none": None}
RECORDS = [{"id": at, "score": at / 7, "deep": [{"a": []}], "text": 'a"]},{'} for at in range(5)]
AFTER = {"reductions": [{"samples": [{"value": 1}, {"value": 2}]}], "count": 10}


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a text to a file."""

    def to_file(text):
        path = tmp_path / "log.json"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def records_of(path):
    return [record for _, record in read_elements(path)]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 2**20])
@pytest.mark.parametrize("indent", [None, 2])
def test_object_is_read_as_it_is_written_across_chunks(write, monkeypatch, chunk, indent):
    monkeypatch.setattr(json_stream, "CHUNK", chunk)
    path = write(json.dumps(HEADER | {"samples": RECORDS} | AFTER, indent=indent) + "\n")
    (_, header), *records = read_object(path, "samples")
    assert header == HEADER
    assert [record for _, record in records] == RECORDS
    assert [where for where, _ in records][-1] == f"{path} record 5"


@pytest.mark.parametrize("samples", [{}, {"samples": None}, {"samples": []}])
def test_object_without_records_is_its_members(write, samples):
    (_, header), *records = read_object(write(json.dumps(HEADER | samples | AFTER)), "samples")
    assert HEADER.items() <= header.items()
    assert records == []


plain = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(width=32) | st.text()
values = st.recursive(plain, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=6)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(st.text().filter(lambda name: name != "samples"), values),
    st.lists(st.dictionaries(st.text(), values), min_size=1),
    st.integers(1, 9),
)
def test_any_object_is_read_as_the_standard_library_reads_it(
    write, monkeypatch, header, records, chunk
):
    monkeypatch.setattr(json_stream, "CHUNK", chunk)
    path = write(json.dumps(header | {"samples": records}))
    (_, found), *rest = read_object(path, "samples")
    # repr, because NaN equals nothing
    assert repr(found) == repr(header)
    assert repr([record for _, record in rest]) == repr(records)


def test_nan_is_read(write):
    assert math.isnan(records_of(write('[{"score": NaN}]'))[0]["score"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[,{"a": 1}]', """got ',{"a": 1}]', expected a value"""),
        ('[{"a": 1},]', "got ']', expected a value"),
        ('[{"a": 1},,{"a": 2}]', "expected a value"),
        ('[{"a": 1} {"a": 2}]', "expected ',' or ']'"),
        ('[{"a": 1}] x', "got 'x', expected the end of the file"),
        ('[{"a": 1}]]', "got ']', expected the end of the file"),
        ('[{"a": 1}', "not complete JSON"),
        ('[{"a": 1', "not complete JSON"),
        ("[{a: 1}]", "not complete JSON"),
        ("[1]", "record 1: got 1, expected an object"),
        ('{"a": 1}', "expected a list of records"),
        (" \n ", "not complete JSON"),
        ("", "the file is empty"),
        ("[" + "[" * 100_000, "record 1: nested too deep"),
    ],
)
def test_list_that_is_not_json_is_an_error(write, text, said):
    with pytest.raises(SourceError) as caught:
        records_of(write(text))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,}', "got '}', expected a value"),
        ('{"a" 1}', "got '1}', expected ':'"),
        ("{1: 1}", "name of a field: got 1, expected a text"),
        ('{"a": 1, "a": 2}', "got the field 'a' twice"),
        ('{"samples": [{}], "samples": [{}]}', "got the field 'samples' twice"),
        ('{"samples": [{}], "b": [1,]}', "got ']}', expected a value"),
        ('{"samples": [{}], "b": 1', "not complete JSON"),
        ('{"samples": [{}]} {}', "got '{}', expected the end of the file"),
        ("[]", "expected an object"),
    ],
)
def test_object_that_is_not_json_is_an_error(write, text, said):
    with pytest.raises(SourceError) as caught:
        list(read_object(write(text), "samples"))
    assert said in str(caught.value)


def test_text_that_is_not_utf8_is_an_error(tmp_path):
    (tmp_path / "log.json").write_bytes(b'[{"a": "\xe9"}]')
    with pytest.raises(SourceError, match="not UTF-8"):
        records_of(tmp_path / "log.json")


def test_record_without_an_end_is_an_error(write, monkeypatch):
    monkeypatch.setattr(json_stream, "RECORD_MAX", 1000)
    monkeypatch.setattr(json_stream, "CHUNK", 100)
    with pytest.raises(SourceError, match="record 1: got more than"):
        records_of(write('[{"a": "' + "x" * 5000))


def test_reading_tells_how_far_it_is(write, monkeypatch):
    monkeypatch.setattr(json_stream, "CHUNK", 10)
    path = write(json.dumps({"samples": RECORDS}))
    told = []
    list(read_object(path, "samples", lambda *tick: told.append(tick)))
    size = path.stat().st_size
    assert told[-1] == ("log.json", size, size)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert {total for _, _, total in told} == {size}


def test_memory_does_not_grow_with_the_records(write, monkeypatch):
    monkeypatch.setattr(json_stream, "CHUNK", 2**14)
    record = {"text": "x" * 1000}
    path = write(json.dumps({"samples": [record] * 5000, "reductions": [{"all": [record] * 5000}]}))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_object(path, "samples")) == 5001
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 10_000_000
    assert peak < 500_000
