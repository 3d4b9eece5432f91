"""Where logs and traces go: Elasticsearch and OpenSearch, Splunk's HTTP event collector, Datadog, New Relic, Sumo Logic, Loki,
Kafka's REST proxy, Azure Monitor, LangSmith, Langfuse, Chronicle. Their answers repeat a field's value, as real ones do in what they say of an error.
"""

import json

from . import Whole


def elastic(request, said):
    headers = {"X-Elastic-Product": "Elasticsearch"}
    kind = "application/vnd.elasticsearch+json;compatible-with=9"
    if "vnd.elasticsearch" not in request.headers.get("accept", ""):
        kind = "application/json; charset=UTF-8"
    if said.status != 200:
        reason = f"failed to parse: {said.text}"
        cause = {"type": "mapper_parsing_exception", "reason": reason}
        return Whole({"error": dict(cause, root_cause=[cause]), "status": said.status}, said.status, kind, headers)
    if request.method == "HEAD":
        return Whole({}, kind=kind, headers=headers)
    if request.path.endswith("/_bulk"):
        return Whole(bulk(request, said), kind=kind, headers=headers)
    if request.path.endswith("/_search"):
        source = {"message": said.text, "n": 9007199254740993}
        hit = {"_index": "logs", "_id": "doc-1", "_score": 1.25, "_source": source, "highlight": {"message": [f"<em>{said.text}</em>"]}}
        shards = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
        hits = {"total": {"value": 1, "relation": "eq"}, "max_score": 1.25, "hits": [hit]}
        return Whole({"took": 3, "timed_out": False, "_shards": shards, "hits": hits}, kind=kind, headers=headers)
    shards = {"total": 2, "successful": 1, "failed": 0}
    made = {"_index": "logs", "_id": "doc-1", "_version": 1, "result": "created", "_shards": shards, "_seq_no": 0, "_primary_term": 1}
    return Whole(made, 201, kind, headers)


def bulk(request, said):
    """One item for each action; the last one failed."""
    lines = [json.loads(line) for line in request.content.splitlines()]
    assert request.content.endswith(b"\n")
    items, at = [], 0
    while at < len(lines):
        [(action, meta)] = lines[at].items()
        at += 1 if action == "delete" else 2
        items.append({action: {"_index": meta.get("_index", "logs"), "_id": meta["_id"], "_version": 1, "status": 201}})
    [action] = items[-1]
    reason = f"failed to parse field [n]: Preview of field's value: '{said.text}'"
    items[-1][action] |= {"status": 400, "error": {"type": "document_parsing_exception", "reason": reason}}
    return {"took": 30, "errors": True, "items": items}


def splunk(request, said):
    if said.status != 200:
        return Whole({"text": f"Invalid data format: {said.text}", "code": 6, "invalid-event-number": 1}, said.status)
    return Whole({"text": "Success", "code": 0, "ackId": 7})


def datadog(request, said):
    if said.status != 200:
        return Whole({"errors": [{"detail": f"You sent: {said.text}", "status": "400", "title": "Bad Request"}]}, said.status)
    return Whole({}, 202)


def new_relic(request, said):
    assert request.path.endswith("/v1") and request.headers["api-key"]
    for batch in request.json:
        assert batch["logs"] and all(isinstance(log["message"], str) for log in batch["logs"])
    if said.status != 200:
        return Whole({"error": f"You sent: {said.text}"}, said.status)
    return Whole({"requestId": "4d5b4e2f-0001-b000-0000-017f9a000000"}, 202)


def sumo(request, said):
    """Its source takes whatever lines there are; this client's are each JSON."""
    assert request.path.startswith("/receiver/v1/http/")
    assert all(json.loads(line) for line in request.content.splitlines())
    return Whole(b"", said.status, "text/plain")


def kafka(request, said):
    """Version 1: a place for each record; the last one failed. Version 3: an answer for each, likewise."""
    if "/v3/clusters/" in request.path:
        return kafka_of_texts(request, said)
    records = request.json["records"]
    assert all("value" in record for record in records)
    if said.status != 200:
        return Whole({"error_code": 42202, "message": f"You sent: {said.text}"}, said.status, "application/vnd.kafka.v1+json")
    offsets = [{"partition": 0, "offset": 9007199254740990 + at, "error_code": None, "error": None} for at in range(len(records))]
    offsets[-1] |= {"partition": None, "offset": None, "error_code": 2, "error": f"You sent: {said.text}"}
    return Whole({"offsets": offsets, "key_schema_id": None, "value_schema_id": 7}, kind="application/vnd.kafka.v1+json")


def kafka_of_texts(request, said):
    if said.status != 200:
        return Whole({"error_code": 40002, "message": f"You sent: {said.text}"}, said.status)
    text, answers = request.content.decode().strip(), []
    while text:
        record, end = json.JSONDecoder().raw_decode(text)
        text = text[end:].strip()
        place = {"cluster_id": "c", "topic_name": "t", "partition_id": 0, "offset": 9007199254740990 + len(answers)}
        answers.append({"error_code": 200, **place, "value": {"type": record["value"]["type"], "size": 9}})
    answers[-1] = {"error_code": 422, "message": f"You sent: {said.text}"}
    return Whole("".join(json.dumps(answer) + "\n" for answer in answers).encode())


def loki(request, said):
    assert request.path == "/loki/api/v1/push"
    if request.headers["content-type"] == "application/json":
        for stream in request.json["streams"]:
            assert all(isinstance(value, str) for value in stream["stream"].values())
            assert all(entry[0].isdigit() and isinstance(entry[1], str) for entry in stream["values"])
    else:
        assert all(entry.timestamp.seconds for stream in request.message.streams for entry in stream.entries)
    if said.status != 200:
        return Whole(f"entry out of order: {said.text}\n".encode(), said.status, "text/plain; charset=utf-8")
    return Whole(b"", 204)


def azure(request, said):
    if said.status != 200:
        return Whole({"error": {"code": "InvalidPayload", "message": f"You sent: {said.text}"}}, said.status)
    return Whole(b"", 204)


def langsmith(request, said):
    return Whole({"message": "Runs batch ingested"}, 202)


def chronicle(request, said):
    if said.status != 200:
        return Whole({"error": {"code": said.status, "message": f"You sent: {said.text}", "status": "INVALID_ARGUMENT"}}, said.status)
    return Whole({})


def langfuse(request, said):
    if request.path.endswith("/ingestion"):
        events = request.json["batch"]
        errors = [{"id": events[-1]["id"], "status": 400, "message": f"You sent: {said.text}", "error": "BadRequest"}]
        return Whole({"successes": [{"id": event["id"], "status": 201} for event in events[:-1]], "errors": errors}, 207)
    return Whole(b"", kind="application/x-protobuf")
