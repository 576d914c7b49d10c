"""Properties are checked without a time limit per example: test machines are shared."""

from hypothesis import settings

settings.register_profile("joulefit", deadline=None)
settings.load_profile("joulefit")
