"""The language server: what editors ask of a spec, and the protocol in which they ask.

* `analysis.py`: everything known of one text, a frozen value; `reparsing.py` and `checks.py` keep of
  the one before what an edit left alone.
* One file an answer (`hover.py`, `completion.py`, …): pure functions of an analysis and an offset. They
  don't know the protocol.
* `server.py` and `converting.py` speak it; nothing else imports pygls or lsprotocol.
"""
