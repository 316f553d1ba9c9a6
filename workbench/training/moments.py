"""The optimizer's moments, by the names of parameters in the dense model."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import hardshrink

from workbench.training.kept import KeptWeights

# Moments below this are zero: even divided by Adam's epsilon they change no weight. One that shrinks tenfold
# in 22 steps, as AdamW's first does, is far from the 1e-38 where denormal numbers begin after so many steps.
_VANISHED, _STEPS_BETWEEN = 1e-30, 64


class Moments:
    """Reads and replaces the moments of an optimizer, such as `exp_avg` and `exp_avg_sq` of AdamW.

    Args:
        optimizer: a torch optimizer.
        kinds: the names of its moments.
        kept: knows which parameters are vectors of kept weights.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, kinds: Sequence[str], kept: KeptWeights):
        self._optimizer = optimizer
        self._kinds = kinds
        self._kept = kept

    @property
    def steps(self) -> int:
        """Steps that the moments have averaged over, including earlier stages (Adam's bias correction)."""
        return max((int(state.get("step", 0)) for state in self._optimizer.state.values()), default=0)

    @torch.no_grad()
    def settle(self, step: int) -> None:
        """Sets to zero what has all but vanished, at every 64th step.

        The gradients of a pruned weight are zero, and so are those of a token that does not occur. Their
        moments shrink until they are denormal numbers, after some 700 steps, and never become zero. A CPU
        computes with these far more slowly (docs/results/masking.py).

        Args:
            step: that has been taken.
        """
        if step % _STEPS_BETWEEN:
            return
        for state in self._optimizer.state.values():
            for kind in self._kinds:
                if kind in state and state[kind].device.type == "cpu":
                    state[kind].copy_(hardshrink(state[kind], _VANISHED))

    def of(self, parameters: Mapping[str, nn.Parameter], compact: bool = False) -> dict[str, Tensor]:
        """The moments of parameters, as kind.name.

        Args:
            parameters: by their dense names.
            compact: as in `KeptWeights.formed`.
        """
        moments: dict[str, Tensor] = {}
        states = {name: self._optimizer.state.get(parameter, {}) for name, parameter in parameters.items()}
        for kind in self._kinds:
            own = {name: state[kind] for name, state in states.items() if kind in state}
            moments |= self._kept.formed(kind, own, compact)
        return moments

    def replace(
        self, tensors: Mapping[str, Tensor], parameters: Mapping[str, nn.Parameter], steps: int
    ) -> None:
        """Replaces all of the optimizer's state.

        Args:
            tensors: holds the result of `of`, in the shapes of the dense model.
            parameters: those of the optimizer by their dense names; without moments they start fresh.
            steps: those that the moments have averaged over.
        """
        self._optimizer.state.clear()
        for name, parameter in parameters.items():
            if f"{self._kinds[0]}.{name}" in tensors:
                state = self._optimizer.state[parameter]
                state["step"] = torch.tensor(float(steps), device=parameter.device)
                for kind in self._kinds:
                    moment = self._kept.kept(name, tensors[f"{kind}.{name}"])
                    state[kind] = moment.to(parameter.device, copy=True)
