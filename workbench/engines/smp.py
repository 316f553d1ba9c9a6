"""Static model pruning (Jiang, Wang, Zhuang, Xie and Xia, ACL 2023, arXiv 2210.06210)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from workbench.engines.bench import Bench, State
from workbench.engines.scored import ScoredEngine, ScoredWeights, regulariser
from workbench.errors import BadInput
from workbench.masks import TopKTracker, kept_count
from workbench.masks.allocation import allocate
from workbench.masks.grouping import groups
from workbench.masks.patterns import NM
from workbench.schedules import cubic_sparsity
from workbench.settings import NonNegative, Positive, settings
from workbench.tasks import Task

if TYPE_CHECKING:  # transformers takes a while to import
    from transformers import PreTrainedTokenizerBase

LABEL_WORDS: dict[str, tuple[str, ...]] = {
    "cola": ("incorrect", "correct"),
    "sst2": ("terrible", "great"),
    "mrpc": ("No", "Yes"),
    "stsb": ("Yes",),
    "qqp": ("No", "Yes"),
    "mnli": ("Yes", "Maybe", "No"),
    "qnli": ("Yes", "No"),
    "rte": ("Yes", "No"),
    "wnli": ("No", "Yes"),
}


@settings
class SMP(ScoredEngine):
    """Learns one score per weight and nothing else; the weights remain those of the pretrained encoder.

    Embeddings, biases, LayerNorm and head are frozen as well, and the encoder is never fine-tuned: a task
    adds only the mask, one bit per prunable weight.

    Where the paper and its only code (kongds/SMP) differ, this follows the code. The regulariser is a mean,
    and its weight reaches the final value at the end of training, not at the end of the ramp (the paper's sum
    would be 85 million times larger at its weight of 400). Distillation is KL(teacher || student) at
    temperature 2, as half of the loss, with dropout off in the teacher. The head is the checkpoint's whole
    masked-LM head if it has one.

    Deviations: the ramp is a share of the training, 0.6 as inferred from the code's 73,600 steps on MNLI,
    because its 30,000 final steps without pruning fit no small task and its N for low sparsity contradicts
    the text. SMP-S keeps an exact number of weights: what does not fit into a full matrix goes to the other
    layers of the same type, where the code would keep fewer. lambda_R is scaled to the encoder's size. MNLI
    labels get the words that match their meaning, which the code permutes. The words for wnli and for cased
    vocabularies are inferred.

    Linear decay to zero without warm-up and clipping at 1 are defaults of the library that the code trains
    with. Twelve epochs with batches of 64 are the settings for large tasks; for small tasks the paper has 60
    epochs, and the code has batches of 32 and, for RTE, 100 epochs. The linear ramp that the paper uses for
    RoBERTa is not implemented. In the ablation with a random head, only the layers after the encoder are
    trained; whether the paper also trains the pooler was NOT FOUND.

    Attributes:
        masking: "local", SMP-L, keeps the same share of every matrix; "score", SMP-S, lets the layers
            compete for the budget of each matrix type.
        temperature: p in mean sigmoid(S / p), by which SMP-S distributes the budget. Not in the paper. The
            code uses 4 if 70 % or more is kept, 3 on MNLI and 4 on SQuAD at 50 % without distillation, and
            1 otherwise; here it does not depend on the sparsity. Higher values make the layers more equal.
        regularization: lambda_R, the final weight of mean sigmoid(S) in the loss for bert-base; it is
            scaled for other numbers of prunable weights (`regulariser`).
        head: "label-words": frozen, the checkpoint's masked-LM head, or the embeddings if it has none;
            "embeddings": frozen, the token embeddings of the words times the hidden state of the first
            token (section 4.2); "random": trained at `lr`, the only part that is.
        label_words: one word per class, in class order; None for those of the code.
        start: the pretrained encoder, the only option, since the method never fine-tunes it.
    """

    id: ClassVar[str] = "smp"

    epochs: Positive = 12.0
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    score_lr: Positive = 2e-2
    masking: Literal["local", "score"] = "score"
    temperature: Positive = 1.0
    regularization: NonNegative = 400.0
    head: Literal["label-words", "embeddings", "random"] = "label-words"
    label_words: tuple[str, ...] | None = None
    start: Literal["pretrained"] = "pretrained"

    def __post_init__(self):
        super().__post_init__()
        if self.masking == "score" and isinstance(self.arrangement, NM):
            raise BadInput(
                "smp: masking=score lets matrices compete for weights, but with the pattern "
                f"{self.pattern} every matrix keeps the same share. Give masking=local."
            )

    @property
    def ranked_within(self) -> str:
        """Matrices of one type compete with masking=score."""
        return "type" if self.masking == "score" else "matrix"

    def adapt(self, model: nn.Module, task: Task, tokenizer: "PreTrainedTokenizerBase | None") -> nn.Module:
        """The student with a label-word head.

        Raises:
            BadInput: the task has no label words, they are not one per class, or a word is not one token.
        """
        if self.head == "random":
            return model
        words = self.label_words or LABEL_WORDS.get(task.id.split("/")[1])
        if words is None or tokenizer is None:
            raise BadInput(f"smp: there are no label words for {task.id}. Give --set head=random.")
        if len(words) != task.num_outputs:
            raise BadInput(
                f"smp: label_words are {', '.join(words)}, but {task.id} needs {task.num_outputs}: one for "
                f"each of {', '.join(task.labels) or 'its scores'}."
            )
        # Imported here because it takes the library's model code along, which takes seconds.
        from workbench.models.label_words import label_word_classifier

        return label_word_classifier(model, tokenizer, words, whole_head=self.head == "label-words")

    def prune(self, bench: Bench) -> State:
        """Trains the scores (section 4; the procedure is that of the released code)."""
        return self.train(bench, bench.pretrained(), StaticScores(self))


class StaticScores(ScoredWeights):
    """Scores of weights that are never updated (equation 3)."""

    trains_weights = False

    def __init__(self, engine: SMP):
        super().__init__(engine)
        self._tracker = TopKTracker()

    def trains(self, name: str) -> bool:
        """Nothing but a random head is trained."""
        encoder = f"{next(iter(self.weights)).split('.')[0]}."
        return self.engine.head == "random" and not name.startswith(encoder)

    def penalty(self) -> Tensor:
        """lambda_t R(S), lambda_t = lambda_R (1 - (1 - t / T)^3) over the whole training (equation 6)."""
        progress = self.training.step / self.training.config.steps
        return regulariser(self.scores, cubic_sparsity(progress, 0.0, self.engine.regularization))

    def choose(self) -> Mapping[str, Tensor]:
        """Top_v(S) of each matrix, the first among equals; v by equation 5, for SMP-S by equation 4."""
        sparsity = cubic_sparsity(self.progress, 0.0, self.engine.sparsity)
        ranked = self.ranked
        if self.engine.masking == "score":
            kept = self._allocated(ranked, sparsity)
        else:
            kept = {name: kept_count(score.numel(), sparsity) for name, score in ranked.items()}
        return self._tracker.select(ranked, kept)

    def _allocated(self, ranked: Mapping[str, Tensor], sparsity: float) -> dict[str, int]:
        """Distributes the count of each type in proportion to R(S) = sum of sigmoid(S / p)."""
        temperature, counts = self.engine.temperature, {}
        sums = torch.stack([(score / temperature).sigmoid().sum() for score in ranked.values()])
        share = dict(zip(ranked, sums.tolist(), strict=True))  # read once, which waits for the device
        for names in groups(ranked, "type").values():
            shares = [share[name] for name in names]
            limits = [ranked[name].numel() for name in names]
            counts |= zip(names, allocate(kept_count(sum(limits), sparsity), shares, limits), strict=True)
        return counts
