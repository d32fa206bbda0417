"""Consume, produce and transform the events of headgate routers.

Begin with headgate.consumer, headgate.producer or headgate.plugin. Each imports no more
than it needs: nothing of this package is imported here.
"""

VERSION = "0.1.0"
