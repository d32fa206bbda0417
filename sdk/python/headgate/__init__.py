"""Write headgate plugins in Python: begin with headgate.plugin."""

VERSION = "0.1.0"
