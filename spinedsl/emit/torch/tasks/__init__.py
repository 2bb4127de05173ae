"""What surrounds the networks of a model in the torch file: what its raw outputs mean.

    tasks ─family─▶ family ─┬ one_stage ─┐
                            ├ two_stage ─┼─▶ machinery ─model─▶ texts
                            └ labelling ─┘

* family.py: which tasks one model can have together, and what must agree among them.
* one_stage.py, two_stage.py, labelling.py: helpers and methods of a family; one file each.
* model.py: the class of the model, and `model_parts`, which is all that others call.

Methods and helpers are templates (codegen_templates/torch/detection/), into which numbers and
finished strings are placed. The generated text imports torch and torchvision.ops only.
"""

from spinedsl.emit.torch.tasks.model import model_parts
from spinedsl.emit.torch.tasks.parts import TAKEN_ATTRIBUTES, TAKEN_NAMES, ModelParts, Part

__all__ = ["TAKEN_ATTRIBUTES", "TAKEN_NAMES", "ModelParts", "Part", "model_parts"]
