"""The decisions: values in, values out. No clock, no log, no input or output."""
