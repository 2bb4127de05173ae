"""TensorFlow checkpoints, read and written without TensorFlow.

A checkpoint is `NAME.index`, a table from keys to entries, and `NAME.data-00000-of-00001`, the
bytes. Four small formats lie in one another, one module each:

crc32c    the checksum of everything
wire      protocol buffers, as far as these files need them
table     the sorted table of LevelDB
bundle    what TensorFlow keeps in the table: types, shapes, places
objects   what a TensorFlow 2 checkpoint says of the objects its variables belong to

Nothing in such a file can execute, and nothing is believed before it is checked.
"""
