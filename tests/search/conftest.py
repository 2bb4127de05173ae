from search_support import folder

__all__ = ["folder"]
