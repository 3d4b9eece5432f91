"""The matrix: real clients, one row for each thing that one of them does.

A row runs a client against a base URL and returns whatever the client got. The tests run it twice, straight to the upstream and
through the proxy, and compare: what the upstream was sent and what the client got may differ in the planted values alone.
"""

import dataclasses
import json
import ssl
from dataclasses import dataclass, field
from typing import Callable

import planted


@dataclass
class At:
    """Where a row's client goes, and with what."""

    base: str
    tls: ssl.SSLContext
    folder: object
    http2: bool = False
    # What stands in every place of a request that holds text.
    text: str = planted.TEXT

    @property
    def label(self):
        """A value for where a member's name says that what follows is an identifier, which is a label for other rules."""
        return planted.EMAIL if self.text == planted.TEXT else self.text

    @property
    def arguments(self):
        return json.dumps(planted.arguments(self.text))


@dataclass(frozen=True)
class Row:
    # As it is called in its registry.
    client: str
    does: str
    run: Callable
    # The format, as the README's table calls it.
    format: str = ""
    streamed: bool = False
    # What is raised where a request or an answer is blocked, where a stream breaks off, and where the upstream says 400.
    denied: type | None = None
    broken: type | None = None
    failed: type | None = None
    http2: bool = True
    # What the upstreams say besides the text.
    reasoning: bool = False
    arguments: bool = False
    more: dict = field(default_factory=dict)
    # What else is expected to differ: takes what the client got straight from the upstream.
    differs: Callable | None = None
    # Parts of what it sends that are others each time, as expressions.
    varies: tuple = ()
    # Whether it sends a batch, of which a blocked record is taken out and the rest goes on.
    records: bool = False
    # What stands in a record of it that nothing is wrong with.
    kept: str = ""
    # Whether its requests and answers carry text.
    sends: bool = True
    shows: bool = True

    @property
    def name(self):
        return f"{self.client} {self.does}".replace(" ", "-")


def plain(value):
    """Whatever a client returns, as what JSON can hold."""
    if isinstance(value, (str, int, float, type(None))):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(member) for member in value]
    if hasattr(value, "model_dump"):
        # Of Google's: the answer's head, which is of the way it took.
        return {key: member for key, member in plain(value.model_dump(warnings="none")).items() if key != "sdk_http_response"}
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if dataclasses.is_dataclass(value):
        return plain(dataclasses.asdict(value))
    return plain(vars(value)) if hasattr(value, "__dict__") else str(value)


def joined(fragments):
    """Fragments of texts by their key, joined: from pairs of key and fragment."""
    texts = {}
    for key, fragment in fragments:
        if fragment:
            texts[str(key)] = texts.get(str(key), "") + fragment
    return texts


def rows():
    import clients_gateways
    import clients_logs
    import clients_models
    import clients_node

    return [*clients_models.ROWS, *clients_gateways.ROWS, *clients_node.ROWS, *clients_logs.ROWS]
