"""What stands around a network in an ONNX file that takes images and gives results.

    images ─preprocess─▶ network ─┬─▶ candidates ─▶ boxes ─▶ suppression ─▶ detection
                                  ├─▶ regions (which run heads on what they cut out)
                                  └─▶ labelling

write.py joins them: `pipeline` says what fits a model's tasks, `Pipeline.before` and `Pipeline.behind`
write it. steps.py is how all of them write nodes; anchors.py where anchors stand.

Nothing depends on the data but the number of what NonMaxSuppression and NonZero find: batches of any
size give the results of their images one by one.
"""

from spinedsl.emit.onnx.pipeline.candidates import Value
from spinedsl.emit.onnx.pipeline.options import Fit, PipelineOptions, Suppression
from spinedsl.emit.onnx.pipeline.preprocess import IMAGES
from spinedsl.emit.onnx.pipeline.write import KINDS, METADATA, Pipeline, pipeline

__all__ = [
    "IMAGES",
    "KINDS",
    "METADATA",
    "Fit",
    "Pipeline",
    "PipelineOptions",
    "Suppression",
    "Value",
    "pipeline",
]
