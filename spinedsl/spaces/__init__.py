"""Search spaces: encodings and their numbers, counts, samples, membership, moves. Nothing here trains."""
