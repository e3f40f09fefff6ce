"""What a process tells about itself over HTTP: figures for Prometheus, and whether it is alive and ready."""

from reconciler.telemetry.metrics import Metrics
from reconciler.telemetry.server import Address, serve

__all__ = ["Address", "Metrics", "serve"]
