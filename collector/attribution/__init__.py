"""Who is charged for which joule of an interval: numbers in, numbers out.

No I/O and no clock. The energy of every charged zone of every interval is split to the last
microjoule: the sum of what containers, services, kernel, unknown cgroups and nobody are charged
is what the meter told.

A zone is charged once. `core` and `uncore` are inside `package` and are told of the node only;
of a platform meter that encloses metered packages the remainder alone is charged, as `rest`.
So a container's energy is the sum over its zones, and nothing is counted twice.
"""
