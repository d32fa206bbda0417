"""Which URLs may be asked for keys, or given events."""

import ipaddress
import urllib.parse


def checked(url: str, what: str) -> urllib.parse.SplitResult:
    """Refuse a URL in the clear that leaves this machine."""
    parts = urllib.parse.urlsplit(url)
    if parts.hostname and "@" not in parts.netloc:
        if parts.scheme == "https":
            return parts
        if parts.scheme == "http" and is_loopback(parts.hostname):
            return parts
    raise ValueError(
        f"{what} over https, or over http from a literal loopback address "
        "such as 127.0.0.1; the URL names no user"
    )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
