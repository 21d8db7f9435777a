"""A language model behind a sidecar, asked by OpenAI's own client: chunk by chunk as without one."""

from __future__ import annotations

import itertools
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from openai import OpenAI

from examples.launch import Server
from examples.processes import Process, free_port, python

SECRET = "jane.doe@example.com"
TOPICS = ("the weather in spring", "how bread is baked", "trains between cities", "a walk in the hills")


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    port = free_port()
    command = python("examples.language", "--listen", f"127.0.0.1:{port}", "--token-ms", "1")
    with Process("language", command, tmp_path_factory.mktemp("language")) as process:
        process.wait_for(f"http://127.0.0.1:{port}/health")
        yield Server(process, f"http://127.0.0.1:{port}")


@pytest.fixture
def through(language: Server, start_sidecar, tmp_path) -> Server:
    flags = ("--learn-rows", "120", "--threshold", "0.05", "--capture", str(tmp_path / "kept"))
    return start_sidecar(language.url, *flags, "--capture-rate", "1", "--trace-ratio", "0")


def test_the_client_gets_the_same_chunks_and_the_sidecar_learns_what_prompts_are_like(
    language: Server, through: Server
) -> None:
    with _client(language) as direct, _client(through) as client:
        for ask in (_chat, _chat_in_chunks, _completion, _completion_in_chunks, _embedding, _vectors):
            assert ask(client) == ask(direct), ask.__name__

        numbers = itertools.count()
        through.process.wait_until(lambda: not _asked(client, next(numbers)).startswith("learning"), 120)
        assert [_asked(client, next(numbers)) for _ in range(20)].count("normal") >= 14
        odd = "x7!qZ#9$kk}}{{ zxcvqw ]]]]==== describing.+similarlyNow write oppositeley.]( Me giving**ONE"
        assert _said(client, odd).startswith("outlier")

    page = _text(through.admin_url + "/metrics")
    counted = [line for line in page.splitlines() if line.startswith("sidecar_first_token_seconds_count")]
    assert sum(float(line.split()[-1]) for line in counted) >= 1
    assert "output tokens" in _text(through.admin_url + "/api/v1/windows")


def test_a_tool_stands_in_the_chain_between_the_calls_that_ask_for_it_and_bring_its_result(
    language: Server, through: Server
) -> None:
    with _client(through) as client, _client(language) as direct:
        for ask in (_with_tools, _with_tools_in_chunks):
            assert ask(client) == ask(direct)
    through.process.wait_until(lambda: "tool:clock" in _text(through.admin_url + "/api/v1/chain"), 30)
    found = json.loads(_text(through.admin_url + "/api/v1/chain"))
    us = found["service"]
    edges = {(edge["source"], edge["target"]): edge["calls"] for edge in found["edges"]}
    through.process.wait_until(lambda: _edges(through).get(("tool:clock", us)) == 2, 30)
    assert _edges(through) == {
        (us, "tool:weather"): 2,
        ("tool:weather", us): 2,
        (us, "tool:clock"): 2,
        ("tool:clock", us): 2,
    }
    assert "sidecar_edge_calls_total" in _text(through.admin_url + "/metrics")
    assert edges.keys() <= _edges(through).keys()


def test_embeddings_that_point_elsewhere_are_a_drift_of_predictions(language: Server, start_sidecar) -> None:
    server = start_sidecar(language.url, "--learn-rows", "5000", "--window-rows", "100", "--trace-ratio", "0")
    with _client(server) as client:
        _embed(client, "walk", 100)
        server.process.wait_until(lambda: (_pointing(server) or {}).get("rows") == 100, 60)
        still = _pointing(server)
        assert still["mean_cosine"] == pytest.approx(1.0)
        assert (still["numbers"], still["reference_rows"]) == (64, 100)
        _embed(client, "bread", 100)
        server.process.wait_until(lambda: _outputs(server)["state"] == "moved", 60)
        server.process.wait_until(lambda: _pointing(server)["mean_cosine"] < 0.9, 60)
    flow = json.loads(_text(server.admin_url + "/api/v1/verdict"))["flows"][0]
    assert (flow["verdict"], flow["subject"][:9]) == ("prediction-drift", "embedding")
    assert _pointing(server)["mean_cosine"] < _pointing(server)["mean_cosine_expected"]
    assert "embedding cosine" in _text(server.admin_url + "/metrics")


def _embed(client: OpenAI, about: str, texts: int) -> None:
    """Ask for embeddings of so many texts about something, ten at a time."""
    for at in range(0, texts, 10):
        words = [f"{about} {about} in the {about} number {at + i}" for i in range(10)]
        client.embeddings.create(model="parrot", input=words)


def _pointing(server: Server) -> Any:
    found = json.loads(_text(server.admin_url + "/api/v1/windows"))["windows"]
    return found[0]["outputs"]["embeddings"] if found and found[0]["outputs"] else None


def _outputs(server: Server) -> Any:
    return json.loads(_text(server.admin_url + "/api/v1/verdict"))["flows"][0]["outputs"]


def test_a_secret_that_chunks_cut_in_two_is_not_kept(language: Server, through: Server, tmp_path) -> None:
    del language
    half, other = SECRET[:6], SECRET[6:]
    with _client(through) as client:
        _said(client, f"{half}{other} is my address")
        chunks = _chat_in_chunks(client, f"my address is {half}{other}")
    said = [choice["delta"]["content"] or "" for chunk in chunks for choice in chunk["choices"]]
    assert SECRET in "".join(said)  # it reached its caller
    assert not any("@" in word and "." in word for word in said)  # in pieces that are no address
    through.process.stop()
    files = sorted((tmp_path / "kept").rglob("*.parquet"))
    rows = [row for path in files for row in pq.read_table(path).to_pylist()]
    told = repr([(row["request_body"], row["response_body"]) for row in rows])
    assert len(rows) == 2
    assert "You said: " in told
    assert other not in told


def test_a_secret_that_chunks_cut_in_two_is_masked_where_a_policy_says_so(
    language: Server, start_sidecar, tmp_path
) -> None:
    policy = (POLICIES / "09-mask-answers.yaml").read_text()
    (tmp_path / "mask.yaml").write_text(policy)
    masking = start_sidecar(language.url, "--policy", str(tmp_path / "mask.yaml"), "--trace-ratio", "0")
    question = f"my address is {SECRET} and no other"
    with _client(language) as direct, _client(masking) as client:
        bare, masked = _chat_in_chunks(direct, question), _chat_in_chunks(client, question)
        for ask in (_chat, _chat_in_chunks, _completion, _completion_in_chunks, _embedding):
            assert ask(client) == ask(direct), ask.__name__
        answer = client.chat.completions.create(model="parrot", messages=_messages(question))
    stars = "*" * len(SECRET)
    assert _text_of(masked) == _text_of(bare).replace(SECRET, stars)
    assert answer.choices[0].message.content == _text_of(masked)
    assert SECRET in _text_of(bare)
    assert [_without_text(one) for one in masked] == [_without_text(one) for one in bare]


POLICIES = Path(__file__).parent.parent.parent / "policies"


def _text_of(chunks: list[Any]) -> str:
    return "".join(choice["delta"]["content"] or "" for chunk in chunks for choice in chunk["choices"])


def _without_text(chunk: Any) -> Any:
    """A chunk with how long its texts are in place of them."""
    choices = [{**one, "delta": {"size": len(one["delta"]["content"] or "")}} for one in chunk["choices"]]
    return {**chunk, "choices": choices}


def _client(server: Server) -> OpenAI:
    return OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=20)


def _messages(question: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": "You are a parrot."}, {"role": "user", "content": question}]


def _chat(client: OpenAI) -> Any:
    return client.chat.completions.create(model="parrot", messages=_messages("hello you")).model_dump()


def _chat_in_chunks(client: OpenAI, question: str = "hello to all of you") -> Any:
    options = {"include_usage": True}
    stream = client.chat.completions.create(
        model="parrot", messages=_messages(question), stream=True, stream_options=options
    )
    return [chunk.model_dump() for chunk in stream]


def _edges(server: Server) -> dict[tuple[str, str], int]:
    found = json.loads(_text(server.admin_url + "/api/v1/chain"))
    return {(edge["source"], edge["target"]): edge["calls"] for edge in found["edges"]}


TOOLS: Any = [{"type": "function", "function": {"name": name}} for name in ("weather", "clock")]


def _with_tools(client: OpenAI) -> Any:
    """A conversation in which both tools are asked for and answer."""
    talk: list[Any] = _messages("how warm is it, and when")
    asked = client.chat.completions.create(model="parrot", messages=talk, tools=TOOLS)
    calls = asked.choices[0].message.tool_calls or []
    talk.append(asked.choices[0].message.model_dump(exclude_none=True))
    talk += [{"role": "tool", "tool_call_id": one.id, "content": "21"} for one in calls]
    told = client.chat.completions.create(model="parrot", messages=talk, tools=TOOLS)
    return [asked.model_dump(), told.model_dump()]


def _with_tools_in_chunks(client: OpenAI) -> Any:
    talk: list[Any] = _messages("how warm is it in chunks, and when")
    asked = [*client.chat.completions.create(model="parrot", messages=talk, tools=TOOLS, stream=True)]
    deltas = [call for chunk in asked for call in chunk.choices[0].delta.tool_calls or []]
    ids = [call.id for call in deltas if call.id]
    calls = [{"id": one, "type": "function", "function": {"name": "f", "arguments": ""}} for one in ids]
    talk.append({"role": "assistant", "tool_calls": calls})
    talk += [{"role": "tool", "tool_call_id": one, "content": "21"} for one in ids]
    told = client.chat.completions.create(model="parrot", messages=talk, tools=TOOLS, stream=True)
    return [[chunk.model_dump() for chunk in chunks] for chunks in (asked, told)]


def _completion(client: OpenAI) -> Any:
    return client.completions.create(model="parrot", prompt="hello you").model_dump()


def _completion_in_chunks(client: OpenAI) -> Any:
    return [c.model_dump() for c in client.completions.create(model="parrot", prompt="hello", stream=True)]


def _embedding(client: OpenAI) -> Any:
    return client.embeddings.create(model="parrot", input=["one text", "and another"]).model_dump()


def _vectors(client: OpenAI) -> Any:
    found = client.embeddings.create(model="parrot", input="one text", encoding_format="float")
    return found.data[0].embedding


def _said(client: OpenAI, question: str) -> str:
    """The verdict on a question."""
    raw = client.chat.completions.with_raw_response.create(model="parrot", messages=_messages(question))
    return raw.headers["x-anomaly-verdict"]


def _asked(client: OpenAI, number: int) -> str:
    """The verdict on one of many questions that are alike."""
    return _said(client, f"please tell me something about {TOPICS[number % 4]} number {number}")


def _text(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()
