"""A figure with its target, printed in one shape by every benchmark."""

from __future__ import annotations


def show(name: str, value: str, *, target: str, is_reached: bool) -> None:
    """One line: what, how much, how much it may be, and whether it is."""
    print(f"  {name:<52} {value:>12}   {target:<24} {'ok' if is_reached else 'MISSED'}", flush=True)


def title(text: str) -> None:
    print(f"\n{text}", flush=True)


def mebibytes(amount: float) -> str:
    return f"{amount / 1e6:.0f} MB"
