"""Static model pruning (Jiang, Wang, Zhuang, Xie and Xia, ACL 2023, arXiv 2210.06210)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from workbench.engines.bench import Bench, State
from workbench.engines.scored import ScoredEngine, ScoredWeights, regulariser
from workbench.errors import BadInput
from workbench.masks import TopKTracker, kept_count
from workbench.masks.allocation import allocate
from workbench.masks.grouping import groups
from workbench.models.label_words import label_word_classifier
from workbench.schedules import cubic_sparsity
from workbench.settings import NonNegative, Positive, settings
from workbench.tasks import Task

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
    """Learns one score a weight and nothing else; the weights stay those of the raw pretrained encoder.

    Embeddings, biases, LayerNorm and head are frozen as well, and the encoder is never fine-tuned: the mask,
    one bit a prunable weight, is all that a task adds. Where the paper and its only code (kongds/SMP)
    differ, this is what the code does: the regulariser is a mean and reaches its weight at the end of
    training and not of the ramp (the paper's sum would be 85 million times larger at its weight of 400);
    distillation is KL(teacher || student) at temperature 2, half of the loss, the teacher without dropout;
    the head is the checkpoint's whole masked-LM head where it has one.

    What is done otherwise here: the ramp is a share of the training, 0.6 as inferred from the code's 73,600
    steps on MNLI, since its 30,000 last steps without pruning fit no small task and its N for little sparsity
    contradicts the text. SMP-S keeps an exact number: what a full matrix cannot take goes to its type's other
    layers, where the code would keep less. lambda_R is scaled to the encoder's size. Labels of MNLI have the
    words of their meaning, which the code permutes. The words of wnli and those of cased vocabularies are
    inferred. Linear decay to zero without warm-up and the clipping at 1 are defaults of the library that the
    code trains with. Twelve epochs in batches of 64 are those of the large tasks; small ones have 60 in the
    paper, and batches of 32 and for RTE 100 epochs in the code. The linear ramp that the paper has for
    RoBERTa is not here. In the ablation with a random head only what follows the encoder is trained; whether
    the paper trains the pooler as well is not found.

    Attributes:
        masking: "local", SMP-L, keeps an equal share of every matrix; "score", SMP-S, lets the layers
            compete for the budget of each type of matrix.
        temperature: p in mean sigmoid(S / p), by which SMP-S shares out. Not in the paper; in the code 4
            where 70 % or more is kept, at 50 % without distillation 3 on MNLI and 4 on SQuAD, else 1. Here
            it is what is set. A higher one makes the layers more equal.
        regularization: lambda_R, what mean sigmoid(S) weighs in the loss at the end, with bert-base; it is
            scaled to other numbers of prunable weights (`regulariser`).
        head: "label-words": frozen, the checkpoint's masked-LM head, or the embeddings where it has none;
            "embeddings": frozen, the words' token embeddings times the hidden state of the first token
            (section 4.2); "random": trained at `lr`, which nothing else is.
        label_words: a word for each class, in the order of their numbers; None for those of the code.
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

    def adapt(self, model: nn.Module, task: Task, tokenizer: PreTrainedTokenizerBase | None) -> nn.Module:
        """The student with the head of label words.

        Raises:
            BadInput: there are no words for the task, not one for each class, or not of one token.
        """
        if self.head == "random":
            return model
        words = self.label_words or LABEL_WORDS.get(task.id.split("/")[1])
        if words is None or tokenizer is None:
            raise BadInput(f"smp has no label words for {task.id}. Give --set head=random.")
        if len(words) != task.num_outputs:
            raise BadInput(
                f"smp: label_words are {', '.join(words)}; {task.id} needs {task.num_outputs}, one for each "
                f"of {', '.join(task.labels) or 'its scores'}."
            )
        return label_word_classifier(model, tokenizer, words, whole_head=self.head == "label-words")

    def prune(self, bench: Bench) -> State:
        """Trains the scores (section 4; the pseudo-code is that of the released code)."""
        return self.train(bench, bench.pretrained(), StaticScores(self))


class StaticScores(ScoredWeights):
    """Scores of weights that never move (equation 3)."""

    trains_weights = False

    def __init__(self, engine: SMP):
        super().__init__(engine)
        self._tracker = TopKTracker()

    def trains(self, name: str) -> bool:
        """Nothing, or a random head."""
        inside = f"{next(iter(self.weights)).split('.')[0]}."
        return self.engine.head == "random" and not name.startswith(inside)

    def penalty(self) -> Tensor:
        """lambda_t R(S), lambda_t = lambda_R (1 - (1 - t / T)^3) over the whole training (equation 6)."""
        progress = self.training.step / self.training.config.steps
        return regulariser(self.scores, cubic_sparsity(progress, 0.0, self.engine.regularization))

    def choose(self) -> Mapping[str, Tensor]:
        """Top_v(S) of each matrix, of equal scores the first; v by equation 5, for SMP-S by equation 4."""
        sparsity = cubic_sparsity(self.progress, 0.0, self.engine.sparsity)
        kept = {name: kept_count(score.numel(), sparsity) for name, score in self.scores.items()}
        return self._tracker.select(
            self.scores, self._allocated(kept) if self.engine.masking == "score" else kept
        )

    def _allocated(self, kept: Mapping[str, int]) -> dict[str, int]:
        """The counts of each type shared out in proportion to R(S) = sum of sigmoid(S / p)."""
        counts: dict[str, int] = {}
        for names in groups(self.scores, "type").values():
            shares = [(self.scores[name] / self.engine.temperature).sigmoid().sum().item() for name in names]
            limits = [self.scores[name].numel() for name in names]
            counts |= zip(names, allocate(sum(kept[name] for name in names), shares, limits), strict=True)
        return counts
