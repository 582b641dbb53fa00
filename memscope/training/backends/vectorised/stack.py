"""Models of one architecture as one: tensors stacked, every operation done for all of them (`torch.func.vmap`)."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from memscope.training.backends.vectorised.by_channel import ChannelsAtOnce


@dataclass(frozen=True, eq=False)
class Stack:
    """Models of one architecture as one: `G` models, every tensor with a first axis of that length."""

    skeleton: nn.Module
    """The architecture, whose own tensors are not used"""
    parameters: dict[str, Tensor]
    buffers: dict[str, Tensor]

    def logits(self, inputs: Tensor, shared: bool = False) -> Tensor:
        """[G, B, classes] for inputs [G, B, C, H, W] or, if `shared`, for inputs [B, C, H, W] that all models see."""

        def of_one(parameters: dict[str, Tensor], buffers: dict[str, Tensor], batch: Tensor) -> Tensor:
            found: Tensor = functional_call(self.skeleton, (parameters, buffers), (batch,))
            return found

        with ChannelsAtOnce():
            return vmap(of_one, in_dims=(0, 0, None if shared else 0))(self.parameters, self.buffers, inputs)

    def give_back(self, models: Sequence[nn.Module]) -> None:
        """Copy the state of each into the models that were stacked, on whatever device those are."""
        state = self.parameters | self.buffers
        with torch.no_grad():
            for name, first in (*models[0].named_parameters(), *models[0].named_buffers()):
                state[name] = state[name].to(first.device)  # one copy for all models: every copy waits for the GPU
            for place, model in enumerate(models):
                for name, value in (*model.named_parameters(), *model.named_buffers()):
                    value.copy_(state[name][place])


def stack(models: Sequence[nn.Module], device: torch.device) -> Stack:
    """Stack models that differ in nothing but their tensors, on a device. Parameters become leaves to be trained."""
    parameters, buffers = stack_module_state(list(models))
    parameters = {name: value.detach().to(device).requires_grad_() for name, value in parameters.items()}
    buffers = {name: value.to(device) for name, value in buffers.items()}
    skeleton = copy.deepcopy(models[0]).to(device)
    return Stack(skeleton, parameters, buffers)


def draws_while_training(model: nn.Module) -> bool:
    """Whether layers such as dropout draw random numbers: then only one by one does each have its own stream."""
    names = ("drop_prob", "p")  # timm's stochastic depth, torch's dropouts
    drops = (layer for layer in model.modules() if "Drop" in type(layer).__name__)
    return any(getattr(layer, name, 0) for layer in drops for name in names)
