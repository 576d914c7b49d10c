"""Energy of the node: one class per source, each with the one method `read`.

A meter keeps its files open and re-reads them in place, since it is asked every few seconds for
as long as the node runs. What cannot be read this time is a sentence of the reading, never an
exception: one dead zone must not cost the others.
"""
