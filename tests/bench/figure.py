"""Figures with their limits, printed in one shape by every benchmark and counted at the end."""

from __future__ import annotations

from dataclasses import dataclass, field

_HEAD = ("figure", "value", "limit", "reached", "beside")


@dataclass
class Sheet:
    """The figures of one run; `missed` names those beyond their limits."""

    count: int = 0
    missed: list[str] = field(default_factory=list)
    _title: str = ""

    def begin(self, title: str) -> None:
        self._title = title
        print(f"\n{title}", flush=True)
        _print_row(*_HEAD)

    def show(
        self, name: str, value: str, *, limit: str = "", is_reached: bool = True, beside: str = ""
    ) -> None:
        """One line: what, how much, how much it may be, whether it is, and what stands beside it.

        Without a limit it is a measurement to compare with, no figure.
        """
        if limit:
            self.count += 1
            if not is_reached:
                self.missed.append(f"{self._title.partition(':')[0]}: {name} {value}, not {limit}")
        verdict = ("yes" if is_reached else "NO") if limit else ""
        _print_row(name, value, limit, verdict, beside)

    def close(self) -> None:
        """What was missed, plainly."""
        print(f"\n{self.count - len(self.missed)} of {self.count} figures reached", flush=True)
        for each in self.missed:
            print(f"  missed: {each}")


def _print_row(name: str, value: str, limit: str, verdict: str, beside: str) -> None:
    line = f"  {name:<40} {value:>10}  {limit:<18} {verdict:<8} {beside}"
    print(line.rstrip(), flush=True)


def megabytes(amount: float) -> str:
    return f"{amount / 1e6:.0f} MB"
