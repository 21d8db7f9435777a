"""The L2 attack of Carlini and Wagner as their paper has it: in the attacks' environment, with PyTorch.

    smallest |x' - x|^2 + c * max(0, right answer's logit - best other's),    x' = (tanh w + 1) / 2

by Adam with steps of 0.01, for each c of a binary search, from 0.001 on; confidence 0: what is only just
misread counts. The attacks' library has it with a search along lines in place of Adam, which comes to rest
early: its pictures of digits are twice as far from the digit as these.

Source: Carlini and Wagner 2017, "Towards Evaluating the Robustness of Neural Networks", IEEE S&P, section VI.
Counterpart: `bench.attacks.makers`.
"""

from __future__ import annotations

from typing import Any

import torch

STEPS = 1_000
"""Of Adam, for each c; fewer when the sum does not get smaller any more. The paper has 10,000."""

SEARCHES = 9
"""Values of c for each picture. The paper has 20."""

LOOKS = 10
"""How often in STEPS it is looked whether the sum still gets smaller."""

FIRST = 1e-3
NONE = 1e10


def least(logits: Any, pixels: Any) -> Any:
    """The nearest to each of `pixels`, (rows, values) from 0 to 1, that `logits`, a network of PyTorch,
    answers otherwise; the row itself where none was found."""
    clean = torch.tensor(pixels)
    with torch.no_grad():
        right = logits(clean).argmax(1)
    rows = len(clean)
    low, high, weight = torch.zeros(rows), torch.full((rows,), NONE), torch.full((rows,), FIRST)
    best, nearest = torch.full((rows,), NONE), clean.clone()
    for _ in range(SEARCHES):
        made, distance = _descended(logits, clean, right, weight)
        nearer = distance < best
        best[nearer], nearest[nearer] = distance[nearer], made[nearer]
        fooled = distance < NONE
        high = torch.where(fooled, torch.minimum(high, weight), high)
        low = torch.where(fooled, low, torch.maximum(low, weight))
        weight = torch.where(high < NONE, (low + high) / 2, weight * 10)
    return nearest.numpy()


def _descended(logits: Any, clean: Any, right: Any, weight: Any) -> tuple[Any, Any]:
    """For one c of each row: the nearest that is misread, and its squared distance, NONE without one."""
    turned = torch.atanh((clean * 2 - 1) * 0.999999).requires_grad_()
    adam = torch.optim.Adam([turned], lr=0.01)
    best, nearest = torch.full((len(clean),), NONE), clean.clone()
    before = float("inf")
    for step in range(STEPS):
        made = (torch.tanh(turned) + 1) / 2
        answer = logits(made)
        own = answer.gather(1, right[:, None])[:, 0]
        other = answer.scatter(1, right[:, None], -NONE).max(1).values
        distance = ((made - clean) ** 2).sum(1)
        total = (distance + weight * (own - other).clamp(min=0)).sum()
        adam.zero_grad()
        total.backward()
        adam.step()
        nearer = (other > own) & (distance < best)
        best[nearer], nearest[nearer] = distance[nearer].detach(), made[nearer].detach()
        if step % (STEPS // LOOKS) == 0:
            if total.item() > before * 0.9999:
                break
            before = total.item()
    return nearest, best
