from tests.recording.conftest import as_nobody

__all__ = ["as_nobody"]
