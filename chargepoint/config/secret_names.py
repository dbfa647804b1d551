"""Which keys of the file, and which variables, hold a secret: told by their names alone."""

from __future__ import annotations

SECRET_WORDS = ("password", "authorizationkey", "secret")
"""Words in the name of a key, or of a variable."""

SECRET_KEYS = ("pin",)


def secret(key: str) -> bool:
    """Whether a key, or a variable of this name, holds a secret."""
    name = key.casefold()
    return name in SECRET_KEYS or any(word in name for word in SECRET_WORDS)
