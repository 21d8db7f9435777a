"""Policies for tests, made of the lines that matter."""


def policy(*rules: str, more: str = "") -> str:
    """A policy called `p` with these rules, and `more` lines at its top."""
    listed = "".join(f"  - {rule}\n" for rule in rules)
    return f"apiVersion: sidecar/v1\nkind: Policy\nname: p\n{more}\n" + (f"rules:\n{listed}" if rules else "")
