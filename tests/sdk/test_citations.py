"""Places that an answer gives into its own text: with the real clients, whole and streamed, what they delimit is what was cited."""

import pytest
from clients_models import cohere_client, cohere_v1_client, gemini_client, openai_client
from matrix import At
from planted import EMAIL, TEXT
from upstreams import Said

CITED = "J\u00f6rg \u6f22\u5b57"
SAYS = f"Ask {EMAIL} \U0001f600. {TEXT} Then {CITED} says so, and jane2@example.com too."
HI = [{"role": "user", "content": "hi"}]


@pytest.fixture(params=[1, 4, 1000])
def at(request, upstreams, base, tls, running):
    begin = SAYS.index(CITED)
    upstreams.said = Said(SAYS, size=request.param, more={"grounding": True}, cites=(begin, begin + len(CITED)))
    return At(base, tls, running["folder"])


def cited(text, begin, end):
    assert text[begin:end] == CITED
    assert "example.com" not in text


def test_openai(at):
    client = openai_client(at)
    message = client.chat.completions.create(model="m", messages=HI).choices[0].message
    [note] = message.annotations
    cited(message.content, note.url_citation.start_index, note.url_citation.end_index)
    for content in client.responses.create(model="m", input="hi").output[1].content[:1]:
        cited(content.text, content.annotations[0].start_index, content.annotations[0].end_index)
    with client.responses.stream(model="m", input="hi") as stream:
        content = stream.get_final_response().output[1].content[0]
    cited(content.text, content.annotations[0].start_index, content.annotations[0].end_index)


def test_gemini_counts_bytes(at):
    models = gemini_client(at).models
    answers = [[models.generate_content(model="gemini-3-pro", contents="hi")], models.generate_content_stream(model="gemini-3-pro", contents="hi")]
    for chunks in answers:
        text, segments = "", []
        for chunk in chunks:
            candidate = chunk.candidates[0]
            text += "".join(part.text or "" for part in candidate.content.parts)
            segments += [support.segment for support in (candidate.grounding_metadata and candidate.grounding_metadata.grounding_supports) or []]
        [segment] = segments
        assert text.encode()[segment.start_index : segment.end_index].decode() == CITED


def test_cohere(at):
    message = cohere_client(at).chat(model="m", messages=HI).message
    cited(message.content[0].text, message.citations[0].start, message.citations[0].end)
    text, citations = "", []
    for event in cohere_client(at).chat_stream(model="m", messages=HI):
        if event.type == "content-delta":
            text += event.delta.message.content.text
        elif event.type == "citation-start":
            citations.append(event.delta.message.citations)
    cited(text, citations[0].start, citations[0].end)
    answer = cohere_v1_client(at).chat(message="hi")
    cited(answer.text, answer.citations[0].start, answer.citations[0].end)
    text = ""
    for event in cohere_v1_client(at).chat_stream(message="hi"):
        if event.event_type == "text-generation":
            text += event.text
        elif event.event_type == "citation-generation":
            citation = event.citations[0]
        elif event.event_type == "stream-end":
            cited(event.response.text, event.response.citations[0].start, event.response.citations[0].end)
    cited(text, citation.start, citation.end)
