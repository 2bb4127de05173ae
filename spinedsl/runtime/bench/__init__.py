"""Timing networks: `spinec bench`.

timing       several things in turn: medians and quartiles
pipeline     the stages of a model's pipeline
modules      torch modules as contenders: inference, a step of training, peak memory
graphs       ONNX files as contenders, in ONNX Runtime and OpenVINO, and what others export
comparison   contenders side by side
"""
