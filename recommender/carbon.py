"""What energy and nodes carry, from constants, files and the store, for one window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from recommender.errors import JoulefitError, StoreError
from recommender.history.hourly import keep_constant, miss_intensity
from recommender.history.intensity import IntensityReader
from recommender.model.intensity import (
    Rates,
    parse_carbon_source,
    parse_embodied,
    parse_price_source,
)
from recommender.settings import CarbonSettings
from recommender.table.intensity import HourlyTable, read_intensity

if TYPE_CHECKING:
    from recommender.model.history import TimeGrid
    from recommender.model.intensity import Intensity, IntensitySource
    from recommender.settings import StoreSettings


class SeriesReader(Protocol):
    """The store's edge for a metric of what a kWh carries."""

    def read(self, source: IntensitySource, grid: TimeGrid) -> Intensity: ...


class CarbonReader:
    """Reads what `--carbon-intensity` and `--energy-price` name; what fails later ends no cycle.

    `store` is asked for metrics; without one they cannot be read.
    """

    def __init__(self, settings: CarbonSettings, store: SeriesReader | None) -> None:
        """Raises UsageError for what cannot be meant, TableError for a file that is none."""
        self._carbon = (
            parse_carbon_source(settings.carbon_intensity) if settings.carbon_intensity else None
        )
        self._price = parse_price_source(settings.energy_price) if settings.energy_price else None
        self._embodied = parse_embodied(settings.embodied_carbon)
        self._store = store
        self._files: dict[tuple[str, str], tuple[tuple[int, int], HourlyTable]] = {}
        for source in (self._carbon, self._price):
            if source is not None and source.path:
                self._read_file(source)

    def read(self, grid: TimeGrid) -> Rates:
        """What was carried over the window."""
        return Rates(
            carbon=self._ask(self._carbon, grid),
            price=self._ask(self._price, grid),
            embodied=self._embodied,
        )

    def _ask(self, source: IntensitySource | None, grid: TimeGrid) -> Intensity | None:
        if source is None:
            return None
        if source.value is not None:
            return keep_constant(source)
        try:
            if source.path:
                return self._read_file(source).over(source, grid)
            if self._store is None:
                raise StoreError("no metric store is asked here")
            return self._store.read(source, grid)
        except JoulefitError as error:
            return miss_intensity(source, f"{source.name} was not read: {error}")

    def _read_file(self, source: IntensitySource) -> HourlyTable:
        """The table; read anew when the file has changed."""
        key = source.measure, source.path
        kept = self._files.get(key)
        stamp = _stamp(source.path)
        if kept is None or kept[0] != stamp:
            kept = stamp, read_intensity(source)
            self._files[key] = kept
        return kept[1]


def build_reader(settings: CarbonSettings, store: StoreSettings | None) -> CarbonReader | None:
    """What reads them, with this store; None where nothing is asked for. Raises as the reader."""
    if settings == CarbonSettings():
        return None
    return CarbonReader(settings, IntensityReader(store) if store else None)


def _stamp(path: str) -> tuple[int, int]:
    """When a file was written and how long it is; zeros where there is none: reading says so."""
    try:
        found = Path(path).stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
