"""A language model of a few megabytes behind llama.cpp's own server of OpenAI's protocol.

    PYTHON bench/rig/tiny_llama.py --port 8000 --model tiny.gguf --learn docs/*.md [--embedding]

PYTHON is that of the environment `llama` of `bench.rig.installs`, which has llama.cpp (`xllamacpp`) and
`gguf`; nothing is imported from this project. The model is a Llama of two layers whose weights are counted
instead of trained: a token's embedding is a direction of its own, the head holds the logarithm of how often
one token follows another in the texts, and attention and hidden layers add a little noise of fixed seed. So
it is a bigram model that takes the way of any transformer, in about a millisecond a token. Counterpart:
`bench.language`.
"""

from __future__ import annotations

import argparse
import re
import threading
from collections import Counter
from pathlib import Path

import gguf
import numpy as np
import xllamacpp

WORDS = 120
WORD = re.compile(r"\b(?:a|[a-z]{2,})\b|\.(?=\s)")
"""A word, or the end of a sentence."""
LAYERS, HEADS, HIDDEN = 2, 8, 256
NOISE = 0.02
"""Of attention's and the hidden layers' weights, beside embeddings of length 1."""
CONTEXT = 4096
NAME = "bigrams"
UNKNOWN, BEGIN, END, BYTES_FROM = range(4)
SPACE = "\u2581"
TEMPLATE = "{% for message in messages %}{{ message['content'] }} . {% endfor %}"
SMOOTHING = 0.01
"""Of a count, so that no token is impossible."""


def vocabulary(text: str) -> list[str]:
    """Three marks, all bytes, and the commonest words with all their beginnings: SentencePiece joins letters
    from the left, so a word is found by its beginnings."""
    said = Counter(WORD.findall(text.lower()))
    words = [word for word, _ in said.most_common(WORDS) if word != "."]
    pieces = {SPACE + word[:end]: None for word in words for end in range(len(word) + 1)}
    letters = {letter: None for word in words for letter in word}
    return ["<unk>", "<s>", "</s>", *[f"<0x{i:02X}>" for i in range(256)], *pieces, *letters, "."]


def followers(text: str, tokens: list[str]) -> np.ndarray:
    """Log-probability of each token (column) after each (row), from words and full stops alone."""
    number = {token: i for i, token in enumerate(tokens)}
    words = [word if word == "." else SPACE + word for word in WORD.findall(text.lower())]
    said = [number[word] for word in words if word in number]
    counts = np.zeros((len(tokens), len(tokens)), np.float32)
    np.add.at(counts, (said[:-1], said[1:]), 1)
    usual = counts.sum(axis=0)
    counts[number["."], number["."]] = 0
    counts[number["."], END] = counts[number["."]].sum() / 8
    counts += SMOOTHING * usual / usual.sum() + 1e-9
    return np.log(counts / counts.sum(axis=1, keepdims=True))


def write(path: Path, text: str) -> None:
    """The model as a GGUF file."""
    tokens = vocabulary(text)
    width = -len(tokens) % 64 + len(tokens)
    out = gguf.GGUFWriter(path, "llama")
    _describe(out, width)
    _tokenizer(out, tokens)
    for name, weights in _weights(followers(text, tokens), width).items():
        out.add_tensor(f"{name}.weight", weights)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def _describe(out: gguf.GGUFWriter, width: int) -> None:
    out.add_name(NAME)
    out.add_context_length(CONTEXT)
    out.add_embedding_length(width)
    out.add_block_count(LAYERS)
    out.add_feed_forward_length(HIDDEN)
    out.add_head_count(HEADS)
    out.add_head_count_kv(HEADS)
    out.add_rope_dimension_count(width // HEADS)
    out.add_layer_norm_rms_eps(1e-6)


def _tokenizer(out: gguf.GGUFWriter, tokens: list[str]) -> None:
    kinds, marks = gguf.TokenType, BYTES_FROM + 256
    out.add_vocab_size(len(tokens))
    out.add_tokenizer_model("llama")
    out.add_token_list(tokens)
    out.add_token_scores([0.0] * marks + [float(len(token)) for token in tokens[marks:]])
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, *[kinds.BYTE] * 256]
    out.add_token_types(types + [kinds.NORMAL] * (len(tokens) - marks))
    out.add_bos_token_id(BEGIN)
    out.add_eos_token_id(END)
    out.add_unk_token_id(UNKNOWN)
    out.add_chat_template(TEMPLATE)


def _weights(head: np.ndarray, width: int) -> dict[str, np.ndarray]:
    """By name. `head`: tokens x tokens, log-probabilities."""
    size, dice = len(head), np.random.default_rng(1)
    ones = np.ones(width, np.float32)
    weights = {"token_embd": np.eye(size, width, dtype=np.float32), "output_norm": ones}
    weights["output"] = np.zeros((size, width), np.float32)
    weights["output"][:, :size] = head.T / np.sqrt(width)  # the norm makes a direction sqrt(width) long
    shapes = dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), (width, width))
    shapes |= {"ffn_gate": (HIDDEN, width), "ffn_up": (HIDDEN, width), "ffn_down": (width, HIDDEN)}
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            noise = dice.normal(size=shape) * NOISE / np.sqrt(width)
            weights[f"blk.{layer}.{name}"] = noise.astype(np.float32)
        weights |= {f"blk.{layer}.attn_norm": ones, f"blk.{layer}.ffn_norm": ones}
    return weights


def serve(path: Path, port: int, *, embedding: bool) -> None:
    how = xllamacpp.CommonParams()
    how.model.path = str(path)
    how.model_alias = {NAME}
    how.port = port
    how.n_ctx = CONTEXT
    how.n_parallel = 1
    how.cache_prompt = False  # else a question's second asking is another computation than its first
    how.cache_ram_mib = 0
    how.cpuparams.n_threads = how.cpuparams_batch.n_threads = 1
    how.warmup = False
    how.ui = False
    if embedding:
        how.embedding = True
        how.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(how)
    print(server.listening_address, flush=True)
    threading.Event().wait()  # it serves in threads of its own


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--learn", type=Path, nargs="+", default=[])
    parser.add_argument("--embedding", action="store_true")
    arguments = parser.parse_args()
    if not arguments.model.exists():
        write(arguments.model, "\n".join(path.read_text() for path in sorted(arguments.learn)))
    serve(arguments.model, arguments.port, embedding=arguments.embedding)


if __name__ == "__main__":
    main()
