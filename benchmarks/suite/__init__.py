"""The parts of ``benchmarks/run.py``.

``tables`` says what is measured, in one function a table; ``contenders`` and
``torch_peer`` do what is measured; ``contest`` measures it in turns; ``report`` and
``picture`` show the results, ``machine`` says where they come from.
"""
