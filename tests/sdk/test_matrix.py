"""Every row of the matrix: values taken out of both directions and nothing else changed; clean text verbatim; blocks, errors
and streams that break off as the client's usual exceptions."""

import json
import pathlib
import re

import planted
import pytest
from matrix import At, plain, rows
from planted import clean, redacted
from upstreams import Said

ROWS = rows()
WAYS = [pytest.param(row, http2, id=f"{row.name}-{'http2' if http2 else 'http1'}") for row in ROWS for http2 in [False, True][: 1 + row.http2]]


def of(*kinds, but=None):
    wanted = [row for row in ROWS if all(getattr(row, kind) for kind in kinds) and not (but and getattr(row, but))]
    return pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in wanted])


@pytest.fixture
def ways(running, tls, upstreams):
    """Runs a row straight to the upstream or through the proxy: gives what was sent and what the client got."""

    def run(row, through, http2=False, text=planted.TEXT, says=planted.TEXT, status=200, cut=None):
        upstreams.received.clear()
        call = json.dumps(planted.arguments(says)) if row.arguments else ""
        reasoning = f"I see {says}" if row.reasoning else ""
        more = {name: says if value is True else value for name, value in row.more.items()}
        upstreams.said = Said(says, reasoning, call, status, 1, cut, more)
        base = f"https://localhost:{running['port']}" if through else upstreams.url
        got = row.run(At(base, tls, running["folder"], http2 and through, text))
        sent = upstreams.everything_received()
        for expression in row.varies:
            sent = re.sub(expression, "", sent)
        return sent, plain(got)

    return run


def same(found, wanted):
    if found != wanted:
        at = next((at for at, (one, two) in enumerate(zip(found, wanted)) if one != two), min(len(found), len(wanted)))
        pytest.fail("\n".join(["wanted:", wanted[max(at - 300, 0) : at + 200], "found:", found[max(at - 300, 0) : at + 200]]), pytrace=False)


def unsigned(row, got):
    """Gemini's signatures hold for what they were made over, so that they are empty where that was changed; some clients leave
    an empty one out."""
    if "Gemini" not in row.format:
        return got
    if isinstance(got, str):
        # LiteLLM writes one behind the identifier of its call.
        return re.sub(r'("thought_?[sS]ignature": ?)"[^"]*"', r'\1""', re.sub(r"__thought__[\w+/=-]*", "", got))
    if isinstance(got, list):
        return [unsigned(row, one) for one in got]
    if isinstance(got, dict):
        inside = {key: unsigned(row, one) for key, one in got.items() if "signature" not in key.lower()}
        return {key: one for key, one in inside.items() if key != "provider_specific_fields" or one}
    return got


def written(got):
    return json.dumps(got, ensure_ascii=False, indent=1)


@pytest.mark.parametrize("row, http2", WAYS)
def test_values_are_taken_out_and_nothing_else(row, http2, ways):
    direct_sent, direct_got = ways(row, through=False)
    assert not row.sends or planted.EMAIL in direct_sent, "the row sends none of the values"
    assert not row.shows or planted.EMAIL in written(direct_got), "the row shows none of the values"
    sent, got = ways(row, through=True, http2=http2)
    clean(sent)
    clean(written(got))
    same(unsigned(row, sent), unsigned(row, redacted(direct_sent)))
    wanted = row.differs(direct_got) if row.differs else direct_got
    same(redacted(written(unsigned(row, got))), redacted(written(unsigned(row, wanted))))


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_clean_text_passes_verbatim(row, ways):
    direct = ways(row, through=False, text=planted.PLAIN, says=planted.PLAIN)
    sent, got = ways(row, through=True, http2=row.http2, text=planted.PLAIN, says=planted.PLAIN)
    same(sent, direct[0])
    same(written(got), written(direct[1]))


@of("denied", but="records")
def test_a_blocked_request_raises_and_is_not_sent(row, ways, upstreams):
    with pytest.raises(row.denied) as raised:
        ways(row, through=True, http2=row.http2, text=f"it is {planted.FORBIDDEN}")
    assert planted.FORBIDDEN not in repr(raised.value)
    assert planted.FORBIDDEN not in upstreams.everything_received()


@of("records")
def test_a_blocked_record_is_taken_out_and_the_client_is_told_as_its_sink_would(row, ways):
    sent, got = ways(row, through=True, http2=row.http2, text=f"it is {planted.FORBIDDEN}")
    assert planted.FORBIDDEN not in sent and planted.FORBIDDEN not in written(got)
    assert row.kept in sent, "what goes on without the blocked record"
    if row.format == "Kafka REST":
        # Places are those of the batch as it came: what was taken out, and what the sink itself says of the last one.
        codes = [place["error_code"] for place in (got if isinstance(got, list) else got["offsets"])]
        assert codes == {"binary": [1, None, 1, 2], "avro": [1, 2, 1], "kafka v3 records": [403, 200, 403, 422]}[row.does]
    if row.format in ("Elasticsearch", "OpenSearch"):
        # Of four actions the one without a source goes on, and fails at the upstream for reasons of its own.
        assert "doc-2" in sent and not [name for name in ("doc-1", "doc-3", "doc-4") if name in sent]
        succeeded, errors = got
        assert succeeded == 0
        told = [next(iter(error.values())) for error in errors]
        assert [one["_id"] for one in told] == ["doc-1", "doc-2", "doc-3", "doc-4"]
        assert {one["status"] for one in told} == {400}


@of("denied", "shows")
def test_a_blocked_answer_raises(row, ways):
    with pytest.raises(row.broken if row.streamed else row.denied) as raised:
        ways(row, through=True, http2=row.http2, text="hi", says=f"well, it is {planted.FORBIDDEN} as you know")
    assert planted.FORBIDDEN not in repr(raised.value)


@of("streamed")
@pytest.mark.parametrize("part", [3, 40, 80])
def test_a_stream_that_breaks_off_raises(row, ways, part):
    with pytest.raises(row.broken) as raised:
        ways(row, through=True, http2=row.http2, cut=part)
    clean(repr(raised.value))


@of("failed")
def test_the_upstreams_errors_are_the_clients(row, ways):
    with pytest.raises(row.failed) as raised:
        ways(row, through=True, http2=row.http2, status=400)
    clean(str(raised.value) + repr(raised.value) + str(getattr(raised.value, "body", "")))
    assert planted.SAFE in str(raised.value) + repr(raised.value) + str(getattr(raised.value, "body", ""))


def test_the_readmes_table_is_the_matrix():
    """Its formats, directions and clients; what its other columns say is what the rows above compare."""
    readme = (pathlib.Path(__file__).parent.parent.parent / "README.md").read_text()
    _, _, table = readme.partition("| format | direction | streamed |")
    table = table.partition("\n\n")[0].split("\n")[2:]
    said = {cells[1].strip(): (cells[2].strip(), cells[3].strip(), cells[6].strip()) for cells in (line.split("|") for line in table)}
    shown = {}
    for name in {row.format for row in ROWS}:
        of = [row for row in ROWS if row.format == name]
        clients = sorted({f"`{row.client[4:]}` (Node)" if row.client.startswith("npm:") else f"`{row.client}`" for row in of})
        direction = "both" if any(row.shows for row in of) else "request"
        shown[name] = (direction, "yes" if any(row.streamed for row in of) else "no", ", ".join(clients))
    assert said == shown
