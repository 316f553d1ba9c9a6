"""What a GPU makes of the workbench: tables for docs/performance.md. `gpu.sh` runs it on a bare machine.

Usage: python docs/results/gpu.py steps|masks|jobs [--seconds S] [--size SIZE]... [--json FILE]
       python docs/results/gpu.py table --json FILE

steps: optimizer steps a second of a training under a fixed mask, and of what it is compared with. With
    ACCELERATE_USE_CPU=true in the environment, some of them on the CPU.
masks: ranking and sampling of bert-base's 85 million weights on the CPU and on the GPU, after a check that
    both give the same masks.
jobs: one process, and four that train under a mask at the same time.

Lines are printed as they are measured, and added to FILE, as JSON; `table` prints a file in Markdown.
"""

import json
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import torch

from workbench.benchmark.models import classifier, magnitude_mask
from workbench.benchmark.scales import SCALES, Scale, normal_weights
from workbench.engines.movement import HardScores, Movement
from workbench.execution.environment import machine
from workbench.masks import TopKTracker, sample_mask, topk_mask
from workbench.models import activation_bytes
from workbench.randomness import torch_generator
from workbench.training import (
    Distillation,
    MaskedTrainer,
    TrainingConfig,
    detect_precision,
    deterministic,
    device,
    device_name,
)

SPARSITY = 0.9
ROUNDS = 5
# What a step is compared with: precision (None for the machine's own), steps between reads of the loss, and
# whether algorithms are deterministic.
PLAIN = (None, None, True)
WAYS = {
    "dense": ("dense", *PLAIN),
    "fixed mask": ("mask", *PLAIN),
    "fixed mask, loss read in every step": ("mask", None, 1, True),
    "fixed mask, algorithms of any kind": ("mask", None, None, False),
    "fixed mask, fp32": ("mask", "fp32", None, True),
    "movement, ranked in every step": ("movement", *PLAIN),
}
ON_CPU = ("fixed mask", "movement, ranked in every step")


def trainer_of(scale: Scale, kind: str, precision: str, read_every: int | None) -> MaskedTrainer:
    """A training of an untrained encoder of a size, from stored logits."""
    model = classifier(scale.layers, scale.hidden)
    sparsifier = {
        "dense": lambda: None,
        "mask": lambda: magnitude_mask(model, SPARSITY),
        "movement": lambda: HardScores(Movement(sparsity=SPARSITY, ramp_from=0.0)),
    }[kind]()
    examples = scale.batch[0]
    return MaskedTrainer(
        model,
        TrainingConfig(steps=1_000_000, lr=1e-5, clip=1.0, distillation=Distillation(mode="logits")),
        key=("gpu", kind),
        mask=sparsifier,
        teacher=torch.randn(examples, 2, generator=torch_generator("gpu", "teacher")),
        precision=precision,
        read_every=read_every,
    )


def batch_of(scale: Scale, number: int) -> dict[str, torch.Tensor]:
    """Examples without padding, on the CPU."""
    rng = torch_generator("gpu", "batch", number)
    ids = torch.randint(1, 1000, scale.batch, generator=rng)
    examples = scale.batch[0]
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": torch.randint(0, 2, (examples,), generator=rng),
        "indices": torch.arange(examples),
    }


def place(where: torch.device) -> str:
    """A GPU's name, or the CPU with the number of threads."""
    return device_name() if where.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"


def finished() -> None:
    """Waits for the device."""
    if device().type == "cuda":
        torch.cuda.synchronize()


def steps_per_second(trainer: MaskedTrainer, scale: Scale, seconds: float) -> float:
    """Optimizer steps a second over at least so many seconds, after ten steps or two seconds of warm-up."""
    batches = [batch_of(scale, number) for number in range(8)]

    def steps(least: int, seconds: float) -> float:
        begun, done = time.perf_counter(), 0
        while done < least or time.perf_counter() - begun < seconds:
            for _ in range(least):
                trainer.advance(batches[done % len(batches)])
                done += 1
            finished()
        return done / (time.perf_counter() - begun)

    least = 20 if device().type == "cuda" else 1
    steps(least, min(2.0, seconds))
    return steps(least, seconds)


def steps(options: Namespace) -> Iterator[dict[str, Any]]:
    """A line for each size and way."""
    on_gpu = device().type == "cuda"
    for size in options.size:
        scale = SCALES[size]
        for name in WAYS if on_gpu else ON_CPU:
            kind, precision, read_every, exact = WAYS[name]
            precision = precision or detect_precision()
            if on_gpu:
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            with deterministic() if exact and on_gpu else nullcontext():
                trainer = trainer_of(scale, kind, precision, read_every)
                rate = steps_per_second(trainer, scale, options.seconds)
            trainer.tensors()  # checks the zeros and that all is finite
            line = {"what": f"step, {size}, {scale.batch[0]} x {scale.batch[1]} tokens", "way": name}
            line |= {"precision": precision, "device": place(device()), "per second": round(rate, 2)}
            if on_gpu:
                line["peak GB"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
                line["estimated GB of activations"] = round(
                    activation_bytes(trainer.model, *scale.batch) / 1e9, 2
                )
            del trainer
            yield line


def milliseconds(work: Callable[[], Any]) -> float:
    """The median of some calls, after one."""
    work()
    times = []
    for _ in range(ROUNDS):
        finished()
        begun = time.perf_counter()
        work()
        finished()
        times.append(1000 * (time.perf_counter() - begun))
    return round(median(times), 2)


def masks(options: Namespace) -> Iterator[dict[str, Any]]:
    """A line for each operation and device; a difference between the devices ends the program."""
    weights = normal_weights(12, 768)
    scores = {name: weight.abs() for name, weight in weights.items()}
    kept = {name: round((1 - SPARSITY) * score.numel()) for name, score in scores.items()}
    trackers = {"cpu": TopKTracker(), "gpu": TopKTracker()}
    places = {
        "cpu": (weights, scores),
        "gpu": tuple({n: t.to(device()) for n, t in tensors.items()} for tensors in (weights, scores)),
    }
    operations = {
        "topk_mask, global": lambda where, w, s: topk_mask(s, SPARSITY, "global"),
        "topk_mask, per matrix": lambda where, w, s: topk_mask(s, SPARSITY),
        "sample_mask, per matrix": lambda where, w, s: sample_mask(w, SPARSITY, seed=1),
        "marks in every step, per matrix": lambda where, w, s: trackers[where].select(s, kept),
    }
    for what, operation in operations.items():
        results = {where: operation(where, *tensors) for where, tensors in places.items()}
        for name in weights:
            found, expected = (torch.as_tensor(results[where][name]).cpu() for where in ("gpu", "cpu"))
            assert torch.equal(found, expected), f"{what}: {name} differs"
        for where, tensors in places.items():
            device_of_it = place(tensors[0]["encoder.layer.0.output.dense.weight"].device)
            time_of = milliseconds(lambda: operation(where, *tensors))  # noqa: B023
            yield {"what": what, "device": device_of_it, "milliseconds": time_of}


def jobs(options: Namespace) -> Iterator[dict[str, Any]]:
    """Steps a second of one process, and of four that share the GPU, together."""
    for size in options.size:
        for count in (1, 4):
            command = [sys.executable, __file__, "one", "--seconds", str(options.seconds), "--size", size]
            processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
            rates = [json.loads(process.communicate()[0])["per second"] for process in processes]
            line = {"what": f"step, {size}", "processes": count, "device": place(device())}
            yield line | {"per second together": round(sum(rates), 2)}


def one(options: Namespace) -> Iterator[dict[str, Any]]:
    """The rate of the plain way, for `jobs`."""
    scale = SCALES[options.size[0]]
    with deterministic(device().type == "cuda"):
        trainer = trainer_of(scale, "mask", detect_precision(), None)
        yield {"per second": round(steps_per_second(trainer, scale, options.seconds), 2)}


def tables(path: Path) -> str:
    """The lines of a file in Markdown, one table for each set of columns."""
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for line in map(json.loads, path.read_text().splitlines()):
        found.setdefault(tuple(line), []).append(line)
    blocks = []
    for names, lines in found.items():
        rows = [names, ["---"] * len(names), *(line.values() for line in lines)]
        blocks.append("\n".join(f"| {' | '.join(map(str, row))} |" for row in rows))
    return "\n\n".join(blocks)


COMMANDS = {"steps": steps, "masks": masks, "jobs": jobs, "one": one}


def main() -> None:
    """Prints all lines."""
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("command", choices=[*COMMANDS, "table"])
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--size", action="append", choices=SCALES)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.size = options.size or ["minilm", "bert-base"]
    if options.command == "table":
        print(tables(options.json))
        return
    if options.command == "steps":
        print(json.dumps(machine()), file=sys.stderr)
    for line in COMMANDS[options.command](options):
        print(json.dumps(line), flush=True)
        if options.json:
            with options.json.open("a") as file:
                file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
