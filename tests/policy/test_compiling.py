"""A check hands over what is right, keeps the old where it is not, and says which."""

import json
import subprocess
import sys

from sidecar.policy import handing
from sidecar.policy.compiling import main
from tests.policy.documents import policy

GOOD = policy("{name: a, when: p > 1.0, action: block}")


def test_good_bad_and_good_again(tmp_path, capsys):
    file = tmp_path / "p.yaml"
    file.write_text(GOOD)
    assert main(file, tmp_path) == 0
    said = json.loads(capsys.readouterr().out)
    first = handing.policies(tmp_path)
    assert said["digest"] == first.digest
    assert said["errors"] == []
    assert said["warnings"] == [f"{file}:6:5: rules[0] (a): can never fire: its condition never holds"]

    file.write_text(GOOD.replace("block", "blok"))
    assert main(file, tmp_path) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["errors"] == [f'{file}:6:38: rules[0].action: "blok" is unknown; did you mean "block"?']
    assert handing.policies(tmp_path) == first
    status = handing.status(tmp_path)
    assert (status.applied, status.refused, list(status.errors)) == (1, 1, said["errors"])
    assert status.refused_at >= status.applied_at > 0

    file.write_text(GOOD.replace("block", "tag"))
    assert main(file, tmp_path) == 0
    assert handing.policies(tmp_path).digest != first.digest
    status = handing.status(tmp_path)
    assert (status.applied, status.refused, status.errors) == (2, 1, ())


def test_the_check_starts_without_numpy_which_would_take_longer_than_all_the_rest():
    asked = "import sys, sidecar.policy.compiling; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
