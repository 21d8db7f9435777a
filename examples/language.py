"""A server of OpenAI's protocol that replays: the same question has always the same answer, chunk by chunk.

    python -m examples.language --listen 127.0.0.1:8000 [--token-ms 5]

No model is behind it: an answer is made of the question's own words, streamed as vLLM and OpenAI do it, in
chunks of a few letters, a role first, a finish reason, then usage if that is asked for, and `[DONE]`. Where
it is given tools it asks for all of them, until a tool has spoken. Chat, completions, embeddings (numbers or
base64) and rerank. Counterpart: tests/stories/test_language_model.py.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from aiohttp import web

MODEL = "parrot-1"
CREATED = 1_700_000_000
DIMENSIONS = 64
TOKEN = 6
"""Characters of a token at most: longer words are cut, as tokenizers do."""


def words(question: str) -> list[str]:
    """The answer to a question."""
    if "forbidden" in question:
        return ["I'm ", "sorry, ", "but ", "I ", "can't ", "help ", "with ", "that."]
    text = "You said: " + " ".join(question.split() or ["nothing"])
    return re.findall(rf"\S{{1,{TOKEN}}} ?", text)


def identity(body: dict[str, Any], kind: str) -> dict[str, Any]:
    """What every chunk of an answer begins with: the same for the same question."""
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:24]
    kinds = {"chat": "chat.completion", "text": "text_completion", "call": "call"}
    return {"id": f"{kind}-{digest}", "object": kinds[kind], "created": CREATED, "model": MODEL}


def usage(question: str, answer: list[str]) -> dict[str, int]:
    asked, said = len(question.split()), len(answer)
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def tools(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The tool calls of an answer: each tool that the question offers, unless one has just spoken."""
    if body["messages"][-1]["role"] == "tool":
        return []
    made = identity(body, "call")["id"]
    return [
        {
            "id": f"{made}-{i}",
            "type": "function",
            "function": {"name": tool["function"]["name"], "arguments": json.dumps({"about": "all of it"})},
        }
        for i, tool in enumerate(body.get("tools") or ())
    ]


def calling(wanted: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Tool calls as deltas: id and name first, then the arguments piece by piece."""
    for i, call in enumerate(wanted):
        function = call["function"]
        named = {**call, "index": i, "function": {"name": function["name"], "arguments": ""}}
        yield {"delta": {"tool_calls": [named]}}
        for at in range(0, len(function["arguments"]), TOKEN):
            piece = function["arguments"][at : at + TOKEN]
            yield {"delta": {"tool_calls": [{"index": i, "function": {"arguments": piece}}]}}


def chunks(body: dict[str, Any], kind: str, question: str) -> Iterator[dict[str, Any]]:
    """A streamed answer."""
    head, answer = identity(body, kind), words(question)
    if kind == "chat":
        wanted = tools(body)
        head["object"] = "chat.completion.chunk"
        yield head | {"choices": [_choice({"delta": {"role": "assistant", "content": ""}})]}
        if wanted:
            yield from (head | {"choices": [_choice(delta)]} for delta in calling(wanted))
            yield head | {"choices": [_choice({"delta": {}}, "tool_calls")]}
            return
    for word in answer:
        yield head | {
            "choices": [_choice({"delta": {"content": word}} if kind == "chat" else {"text": word})]
        }
    yield head | {"choices": [_choice({"delta": {}} if kind == "chat" else {"text": ""}, "stop")]}
    if (body.get("stream_options") or {}).get("include_usage"):
        yield head | {"choices": [], "usage": usage(question, answer)}


def _choice(content: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, **content, "logprobs": None, "finish_reason": reason}


class Server:
    """The routes. `token_seconds`: between two chunks."""

    def __init__(self, token_seconds: float) -> None:
        self._pause = token_seconds

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        return await self._answer(request, body, "chat", str(body["messages"][-1]["content"]))

    async def completions(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        return await self._answer(request, body, "text", str(body["prompt"]))

    async def _answer(
        self, request: web.Request, body: dict[str, Any], kind: str, question: str
    ) -> web.StreamResponse:
        if body.get("stream"):
            return await self._stream(request, chunks(body, kind, question))
        answer = words(question)
        text = "".join(answer)
        if kind == "chat" and (wanted := tools(body)):
            message = {"role": "assistant", "content": None, "tool_calls": wanted}
            asking = identity(body, kind) | {"choices": [_choice({"message": message}, "tool_calls")]}
            return web.json_response(asking | {"usage": usage(question, [])})
        content = {"message": {"role": "assistant", "content": text}} if kind == "chat" else {"text": text}
        whole = identity(body, kind) | {
            "choices": [_choice(content, "stop")],
            "usage": usage(question, answer),
        }
        return web.json_response(whole)

    async def _stream(self, request: web.Request, said: Iterator[dict[str, Any]]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for chunk in said:
            await asyncio.sleep(self._pause)
            await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response

    async def embeddings(self, request: web.Request) -> web.Response:
        body = await request.json()
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        vectors = [embedding(text) for text in texts]
        told = [
            _encoded(vector) if body.get("encoding_format") == "base64" else vector.tolist()
            for vector in vectors
        ]
        data = [{"object": "embedding", "index": i, "embedding": one} for i, one in enumerate(told)]
        spent = sum(len(text.split()) for text in texts)
        answer = {"object": "list", "data": data, "model": MODEL}
        return web.json_response(answer | {"usage": {"prompt_tokens": spent, "total_tokens": spent}})

    async def rerank(self, request: web.Request) -> web.Response:
        body = await request.json()
        asked = embedding(body["query"])
        scores = [float(asked @ embedding(text)) for text in body["documents"]]
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        return web.json_response({"results": [{"index": i, "relevance_score": scores[i]} for i in order]})


def embedding(text: str) -> np.ndarray:
    """A unit vector that is the same for the same text: a bag of its words."""
    vector = np.zeros(DIMENSIONS)
    for word in text.split() or [""]:
        vector += np.random.default_rng(int(hashlib.sha256(word.encode()).hexdigest()[:8], 16)).normal(
            size=DIMENSIONS
        )
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _encoded(vector: np.ndarray) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def application(token_seconds: float) -> web.Application:
    server = Server(token_seconds)
    made = web.Application(client_max_size=2**24)
    made.router.add_post("/v1/chat/completions", server.chat)
    made.router.add_post("/v1/completions", server.completions)
    made.router.add_post("/v1/embeddings", server.embeddings)
    made.router.add_post("/v1/rerank", server.rerank)
    made.router.add_get("/health", _health)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--listen", default="127.0.0.1:8000")
    parser.add_argument("--token-ms", type=float, default=5.0)
    arguments = parser.parse_args()
    host, _, port = arguments.listen.rpartition(":")
    web.run_app(application(arguments.token_ms / 1e3), host=host, port=int(port), print=None)


if __name__ == "__main__":
    main()
