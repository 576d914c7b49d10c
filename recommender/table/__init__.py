"""Tables (CSV) of other sources as evidence: read in one pass, however long they are."""

from recommender.table.source import TableSource

__all__ = ["TableSource"]
