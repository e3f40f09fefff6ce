"""helm-promoter: carries the chart versions that staging has proven to production."""

__version__ = "0.1.0"
