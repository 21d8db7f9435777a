"""Questions that walk around one point: what an attacker asks who feels a model's way.

    prints of a call -> those of recent calls that are alike -> how long the sequence is, and since when

One call of an attack looks like any other; hundreds of inputs that are nearly, but not quite, the same don't.
`sidecar.scoring.prints` takes the fingerprints, `sidecar.proxy.judging` asks here, and policies act on what
they are told. What is promised, and what an attacker can still do, is in docs/defence.md.

    memory.py     prints of recent questions, shared by the workers      walks.py    what they say of a call
"""

from sidecar.sequences.memory import SEQUENCES, Memory
from sidecar.sequences.walks import LEAST, Walks

__all__ = ["LEAST", "SEQUENCES", "Memory", "Walks"]
