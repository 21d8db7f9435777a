"""Which model broke the chain. Pure: what sidecars tell comes in, an answer with its evidence goes out.

pairs        the nouns: Witness, Finding, Answer
stages       pairs of several sidecars side by side: what each model was told and what it made of it
vectors      values of any kind as numbers whose distances mean something
surrogate    a stand-in for a model as it was
conditional  did it change? Its answers to like questions, before and after
onset        when did it
marginal     which columns moved at all
edges        is what a model is asked still what the one before it answers
decision     all of it together: who, when, and who merely suffers
sentences    the same in words

Nothing here asks anybody anything; `sidecar.peers` does.
"""

from sidecar.cascade.decision import answer
from sidecar.cascade.pairs import Answer, Pairs, Replayed, Row, Witness

__all__ = ["Answer", "Pairs", "Replayed", "Row", "Witness", "answer"]
