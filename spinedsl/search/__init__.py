"""`spinec search`: networks of a search space, tried until some are good, on Optuna.

    objectives   what is asked of a network, and in which direction
    measuring    the numbers of one network: costs, proxies, latency, somebody's own function
    worker       a process that measures; workers: several of them, with time limits
    samplers     which network to try next, as Optuna's samplers
    storages     where trials are kept: a journal beside the output, or a database
    claims       which of several processes runs a trial, and what becomes of those that were killed
    search       the loop
    steps        the paper's three steps, one search each
    results      pictures, tables and the winners as `.spine`

Needs the extra `search`; what measures in torch or ONNX Runtime needs theirs.
"""
