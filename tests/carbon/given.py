"""What a test of carbon hands in place of an edge."""


class Given:
    """Evidence, or rates, that are there already."""

    def __init__(self, found):
        self._found = found

    def read(self, *_):
        return self._found
