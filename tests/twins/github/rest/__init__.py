"""GitHub's REST API, as far as we use it."""

from tests.twins.github.rest import apps, reading, writing
from tests.twins.github.rest.router import refused, respond

__all__ = ["apps", "reading", "refused", "respond", "writing"]
