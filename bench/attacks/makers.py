"""Attacks that know the model, one picture each, and pictures that are worse for no purpose. Runs in the
attacks' environment.

    python makers.py logistic|convolutional DIGITS.npz TRAINED FIRST COUNT WORSE FILE.npz

trains the model as `model.py` does and writes, by name, what attacks made of COUNT digits from FIRST on that
the model reads right, those that it then reads wrong; and what corruptions made of WORSE digits from FIRST
on.

FGSM: Goodfellow and others 2015. PGD: Madry and others 2018, ten steps. DeepFool: Moosavi-Dezfooli and others
2016. Carlini-Wagner: 2017, see `carlini.py`. The regression of scikit-learn is attacked as the layer of
PyTorch that has its weights: attacks of least distance go by logits, which its library has none of for
scikit-learn.
"""

from __future__ import annotations

import io
import sys
import warnings
from typing import Any

import numpy as np
from carlini import least
from model import convolutions, logistic_regression

warnings.simplefilter("ignore")

EPSILONS = (0.1, 0.2, 0.3)

STROKE = 0.1
"""A pixel darker than this is part of a stroke."""


LEAST_DISTANCE = 60
"""Digits at most for each attack of least distance: each takes thousands of steps."""


def logits_of(kind: str, pixels: Any, labels: Any) -> Any:
    """The model, trained, as a network of PyTorch from 784 numbers to ten logits."""
    import torch

    if kind == "convolutional":
        return torch.nn.Sequential(torch.nn.Unflatten(1, (1, 28, 28)), convolutions(pixels, labels)).eval()
    model = logistic_regression(pixels, labels)
    layer = torch.nn.Linear(784, 10)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(model.coef_))
        layer.bias.copy_(torch.tensor(model.intercept_))
    return layer.eval()


def attacked(logits: Any, pixels: Any) -> dict[str, Any]:
    """What each attack makes of the pixels, by its name."""
    import torch
    from art.attacks.evasion import DeepFool, FastGradientMethod, ProjectedGradientDescent
    from art.estimators.classification import PyTorchClassifier

    known = PyTorchClassifier(logits, torch.nn.CrossEntropyLoss(), (784,), 10, clip_values=(0, 1))
    made = {}
    for epsilon in EPSILONS:
        made[f"FGSM {epsilon}"] = FastGradientMethod(known, eps=epsilon).generate(pixels)
        steps = ProjectedGradientDescent(known, eps=epsilon, eps_step=epsilon / 5, max_iter=10, verbose=False)
        made[f"PGD {epsilon}"] = steps.generate(pixels)
    # In the knowledge of the defence: nothing is written where a clean picture has nothing.
    strokes = ProjectedGradientDescent(known, eps=0.3, eps_step=0.06, max_iter=20, verbose=False)
    made["PGD 0.3 on strokes"] = strokes.generate(pixels, mask=(pixels > STROKE).astype(np.float32))
    few = pixels[:LEAST_DISTANCE]
    made["DeepFool"] = DeepFool(known, max_iter=50, verbose=False).generate(few)
    made["Carlini-Wagner"] = least(logits, few)
    right = known.predict(pixels).argmax(1)
    fooled = {name: known.predict(rows).argmax(1) != right[: len(rows)] for name, rows in made.items()}
    for name, which in fooled.items():
        away = np.linalg.norm((made[name] - pixels[: len(which)])[which], axis=1).mean()
        print(f"{name}: {which.mean():.0%} fool the model, L2 {away:.2f} on average", file=sys.stderr)
    return {name: made[name][which] for name, which in fooled.items()}


def corrupted(pixels: Any) -> dict[str, Any]:
    """Pictures that are only worse."""
    from PIL import Image
    from scipy import ndimage

    images = pixels.reshape(-1, 28, 28)

    def each(change: Any) -> Any:
        return np.clip([change(image) for image in images], 0.0, 1.0)

    def jpeg(image: Any, quality: int) -> Any:
        file = io.BytesIO()
        Image.fromarray(np.rint(image * 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file)) / 255.0

    made = {
        "brighter by 0.2": each(lambda image: image + 0.2),
        "dimmed to 0.7": each(lambda image: image * 0.7),
        "gamma 0.6": each(lambda image: image**0.6),
        "shifted 2 pixels": each(lambda image: np.roll(image, 2, axis=1)),
        "rotated 10 degrees": each(lambda image: ndimage.rotate(image, 10, reshape=False, order=1)),
        "rotated 30 degrees": each(lambda image: ndimage.rotate(image, 30, reshape=False, order=1)),
        "JPEG 90": each(lambda image: jpeg(image, 90)),
        "JPEG 50": each(lambda image: jpeg(image, 50)),
        "blurred 0.5": each(lambda image: ndimage.gaussian_filter(image, 0.5)),
        "blurred 1": each(lambda image: ndimage.gaussian_filter(image, 1.0)),
        "Gaussian noise 0.05": np.clip(images + np.random.default_rng(0).normal(0, 0.05, images.shape), 0, 1),
    }
    return {name: rows.reshape(len(rows), -1) for name, rows in made.items()}


def main() -> None:
    import torch

    torch.set_num_threads(1)
    kind, file, trained, first, count, more, out = sys.argv[1:]
    with np.load(file) as digits:
        pixels, labels = digits["pixels"].astype(np.float32), digits["labels"]
    logits = logits_of(kind, digits_of(file)[: int(trained)], labels[: int(trained)])
    fresh, truth = pixels[int(first) :], labels[int(first) :]
    right = logits(torch.tensor(fresh)).argmax(1).numpy() == truth
    chosen = fresh[right][: int(count)]
    made = attacked(logits, chosen)
    worse = corrupted(fresh[: int(more)].astype(np.float64))
    np.savez(
        out,
        **{f"attack/{name}": rows for name, rows in made.items()},
        **{f"worse/{name}": rows for name, rows in worse.items()},
    )


def digits_of(file: str) -> Any:
    """The digits as `model.py` is trained on them."""
    with np.load(file) as digits:
        return digits["pixels"]


if __name__ == "__main__":
    main()
