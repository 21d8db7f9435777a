"""Detectors as people write them: every form, every mistake named, and written so that it reads the same."""

from __future__ import annotations

import pytest

from sidecar.wanted import LONGEST, Wanted, read, written


def plain(name: str) -> Wanted:
    return Wanted(name, name, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ecod", [plain("ecod")]),
        (" ecod , knn-500 ", [plain("ecod"), plain("knn-500")]),
        ("ECOD,MO_GAAL", [plain("ecod"), plain("mo_gaal")]),
        ("abod(n_neighbors=5)", [Wanted("abod", "abod", {"n_neighbors": 5})]),
        ("knn()", [plain("knn")]),
        (
            "lof, knn(n_neighbors=10,method=mean, leaf_size=-3)",
            [plain("lof"), Wanted("knn", "knn", {"n_neighbors": 10, "method": "mean", "leaf_size": -3})],
        ),
        ("kde(bandwidth=0.5, metric='a, (b')", [Wanted("kde", "kde", {"bandwidth": 0.5, "metric": "a, (b"})]),
        ("x(a=True,b=false,c=None)", [Wanted("x", "x", {"a": True, "b": False, "c": None})]),
        ("vae(layers=[64, 32], shape=(2, 3))", [Wanted("vae", "vae", {"layers": [64, 32], "shape": [2, 3]})]),
        (
            "lscp(detector_list=[LOF, lof(n_neighbors=15)])",
            [
                Wanted(
                    "lscp",
                    "lscp",
                    {"detector_list": [plain("lof"), Wanted("lof", "lof", {"n_neighbors": 15})]},
                )
            ],
        ),
    ],
)
def test_every_form_is_read_and_written_so_that_it_reads_the_same(text, expected):
    assert list(read(text)) == expected
    assert list(read(written(read(text)))) == expected


def test_two_of_a_kind_are_told_apart():
    assert [one.name for one in read("knn,lof,knn(n_neighbors=10),knn(n_neighbors=20)")] == [
        *("knn", "lof", "knn-2", "knn-3")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has a name that is empty"),
        ("ecod,,lof", "has a name that is empty"),
        ("ecod, ecod", "names ecod twice"),
        ("knn(n_neighbors=5),knn(n_neighbors=5)", r"names knn\(n_neighbors=5\) twice"),
        ("a b", "has 'a b', which is no detector"),
        ("5nn", "has '5nn', which is no detector"),
        ("knn(n=5", "without its other half"),
        ("knn)", "has 'knn\\)', which is no detector|without its other half"),
        ("knn(5)", r"without its name; write knn\(NAME=VALUE\)"),
        ("knn(**x)", "without its name"),
        ("knn(n=)", "that cannot be read: n="),
        ("knn(n=1)(n=2)", "that cannot be read|no detector"),
        ("knn(n=1+1)", r"no plain value: 1 \+ 1"),
        ("knn(n=__import__('os').system('true'))", "no plain value"),
        ("knn(n=[x for x in y])", "no plain value"),
        ("knn(n=b'x')", "no plain value"),
        ("x" * (LONGEST + 1), "is longer than"),
        (f"knn(n={'[' * 500}{']' * 500})", "inside each other"),
    ],
)
def test_every_mistake_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        read(text)
