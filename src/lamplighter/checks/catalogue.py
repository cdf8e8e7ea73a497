"""Every finding code there is, as one table: what it is called, how grave it is, what it costs.

Rows are plain texts so that `lamp explain` and the report need no torch. A code whose `status` is
"planned" is in the catalogue and looked for by nothing yet; its page says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from lamplighter.checks.finding import Finding, Level
from lamplighter.errors import UnknownName

Cost = Literal["fast", "full"]
Status = Literal["ready", "planned"]

FAMILIES: dict[str, str] = {
    "V": "environment",
    "D": "data",
    "Y": "labels",
    "S": "splits and leakage",
    "T": "transforms",
    "M": "model",
    "I": "initialisation",
    "L": "loss",
    "O": "optimizer and schedule",
    "R": "the running loop",
    "Q": "reinforcement learning",
    "P": "precision and devices",
    "G": "several processes",
    "E": "evaluation",
    "A": "artifacts",
    "F": "speed",
    "X": "source text",
}


class Code(NamedTuple):
    """One row of the catalogue.

    Attributes:
        code: stable code, a family letter and three digits.
        title: the mistake in a few words.
        level: the gravest level at which it is told.
        cost: "fast" (static, or a few batches) or "full" (several probe steps).
        when: letters of the moments it is looked for: S static over the objects, B on a few
            batches before training, R while it runs, E at evaluation, A on the saved artifact,
            T in the source text.
        status: "ready", or "planned" when nothing looks for it yet.
    """

    code: str
    title: str
    level: Level
    cost: Cost
    when: str
    status: Status = "ready"

    @property
    def family(self) -> str:
        """The letter in front of the code."""
        return self.code[0]


_ROWS: tuple[Code, ...] = (
    # data
    Code("D101", "all inputs are alike", "error", "fast", "B"),
    Code("D102", "NaN or infinity in the inputs", "error", "fast", "B"),
    Code("D103", "inputs are not normalised", "error", "fast", "B"),
    Code("D104", "inputs are normalised or scaled twice", "warning", "fast", "B"),
    Code("D105", "reshaped where the axes should be permuted", "error", "fast", "BR"),
    Code("D106", "sorted by class and not shuffled", "error", "fast", "B"),
    Code("D107", "every worker draws the same random numbers", "error", "fast", "S"),
    Code("D108", "each worker yields the whole iterable data set", "error", "fast", "R"),
    Code("D109", "the same batch at every step", "error", "fast", "R"),
    Code("D110", "the loader has no batches", "error", "fast", "S"),
    Code("D111", "sampler weights do not fit the data set", "error", "fast", "S"),
    Code("D112", "fields of a batch have different lengths", "error", "fast", "B"),
    Code("D113", "many sequences are cut off", "warning", "fast", "B"),
    Code("D114", "the last batch has one sample and a BatchNorm", "error", "fast", "S"),
    # picture files
    Code("D120", "files that cannot be read", "error", "fast", "S"),
    Code("D121", "empty files", "error", "fast", "S"),
    Code("D122", "pictures too large to decode safely", "error", "fast", "S"),
    Code("D123", "content and file ending differ", "info", "fast", "S"),
    Code("D124", "pictures stored turned", "info", "fast", "S"),
    Code("D125", "pictures with a palette", "info", "fast", "S"),
    Code("D126", "pictures in another colour space", "warning", "fast", "S"),
    Code("D127", "pictures with more than 8 bits", "warning", "fast", "S"),
    Code("D128", "pictures that are partly transparent", "info", "fast", "S"),
    Code("D129", "files with several frames", "info", "fast", "S"),
    Code("D130", "pictures smaller than the input", "info", "fast", "S"),
    Code("D131", "pictures of extreme aspect", "warning", "fast", "S"),
    Code("D132", "hidden files among the pictures", "info", "fast", "S"),
    Code("D133", "files that are no pictures", "info", "fast", "S"),
    Code("D134", "classes without pictures", "warning", "fast", "S"),
    Code("D135", "pictures of one colour", "warning", "fast", "S"),
    Code("D136", "placeholder pictures", "warning", "fast", "S"),
    Code("D137", "file names that break elsewhere", "info", "fast", "S"),
    Code("D139", "the same picture several times in a class", "warning", "fast", "S"),
    Code("D140", "near duplicates within a split", "info", "full", "S"),
    # labels
    Code("Y101", "labels carry no signal", "warning", "full", "BR"),
    Code("Y102", "labels begin at one", "error", "fast", "B"),
    Code("Y103", "validation has a class that train has not", "error", "fast", "S"),
    Code("Y104", "class numbers differ between splits", "error", "fast", "S"),
    Code("Y105", "language-model target is not shifted", "error", "fast", "B"),
    Code("Y106", "language-model target is shifted twice", "error", "fast", "B"),
    Code("Y107", "padding is counted in the loss", "error", "fast", "B"),
    Code("Y108", "mask values invented by resizing", "error", "fast", "B"),
    Code("Y109", "the input is flipped and its target is not", "warning", "full", "B"),
    Code("Y110", "one input under two labels", "warning", "fast", "B"),
    Code("Y111", "wrong labels suspected", "info", "full", "E"),
    Code("Y112", "classes are very unequal or very small", "warning", "fast", "S"),
    Code("Y113", "near duplicates under different labels", "warning", "full", "S"),
    Code("Y114", "targets are mixed otherwise than their inputs", "error", "fast", "R"),
    # splits
    Code("S101", "validation samples are in train", "error", "fast", "B"),
    Code("S102", "near duplicates across splits", "warning", "full", "B"),
    Code("S103", "a feature gives the label away", "error", "fast", "B"),
    Code("S104", "subset indices meet", "error", "fast", "S"),
    Code("S105", "a group is in two splits", "warning", "fast", "SR"),
    Code("S106", "train reaches past the beginning of validation", "warning", "fast", "S"),
    Code("S107", "the scaler was fitted on all data", "error", "fast", "S"),
    Code("S108", "validation is also the test set", "warning", "fast", "S"),
    # transforms
    Code("T101", "augmentation at evaluation", "error", "fast", "B"),
    Code("T102", "train and validation are preprocessed differently", "error", "fast", "B"),
    Code("T103", "colour channels are in another order", "error", "fast", "B"),
    Code("T104", "not the preprocessing of the pretrained weights", "warning", "fast", "R"),
    Code("T105", "token ids reach beyond the embedding", "error", "fast", "B"),
    Code("T106", "the crop cuts the object away", "warning", "fast", "B"),
    Code("T107", "one part's transform is set for all parts", "error", "fast", "R"),
    Code("T108", "boxes are taken for corners and are none", "error", "fast", "R"),
    Code("T109", "unsigned numbers wrap round", "warning", "fast", "R"),
    # model
    Code("M101", "layer is not registered", "error", "fast", "S"),
    Code("M102", "plain tensor as weight", "error", "fast", "S"),
    Code("M103", "one layer is repeated", "warning", "fast", "S"),
    Code("M104", "samples of a batch mix", "error", "fast", "B"),
    Code("M105", "the future leaks", "error", "fast", "B"),
    Code("M106", "dropout is active at evaluation", "error", "fast", "B"),
    Code("M107", "parameter gets no gradient", "error", "full", "B"),
    Code("M108", "gradient is exactly zero", "error", "full", "B"),
    Code("M109", "no non-linearity", "error", "fast", "B"),
    Code("M110", "the output layer is frozen at random values", "error", "fast", "S"),
    Code("M111", "a frozen part changes", "error", "full", "R"),
    Code("M112", "frozen BatchNorm still learns statistics", "warning", "fast", "B"),
    Code("M113", "BatchNorm statistics are never learned", "error", "fast", "SR"),
    Code("M114", "an input or a computed result is ignored", "warning", "full", "B"),
    Code("M115", "padding changes the answer", "error", "full", "B"),
    Code("M116", "attention mask is ignored or inverted", "error", "full", "B"),
    Code("M117", "layer is never called", "warning", "full", "B"),
    Code("M118", "the model does not run on a batch", "error", "fast", "B"),
    Code("M119", "the model takes one batch size only", "warning", "fast", "B"),
    Code("M120", "the order of the tokens is not seen", "error", "full", "B"),
    Code("M121", "a layer has numbers of another convention", "warning", "fast", "BR"),
    Code("M122", "a dropout stands after the last layer", "warning", "fast", "R"),
    # initialisation
    Code("I101", "all units of a layer are the same", "error", "full", "B"),
    Code("I102", "activations are saturated", "error", "fast", "B"),
    Code("I103", "the first loss is far too high", "warning", "fast", "B"),
    Code("I104", "pretrained weights were not loaded", "error", "fast", "S"),
    Code("I105", "initialised again after loading", "error", "fast", "S"),
    # loss
    Code("L101", "softmax before cross entropy", "error", "fast", "B"),
    Code("L102", "sigmoid before cross entropy", "error", "fast", "B"),
    Code("L103", "ReLU on the logits", "error", "fast", "B"),
    Code("L104", "nll_loss on raw logits", "error", "fast", "B"),
    Code("L105", "softmax over the wrong dimension", "error", "fast", "B"),
    Code("L106", "sigmoid applied twice", "error", "fast", "B"),
    Code("L107", "prediction and target broadcast", "error", "fast", "B"),
    Code("L108", "the loss is cut from the model", "error", "fast", "B"),
    Code("L109", "the loss grows with the batch", "warning", "full", "B"),
    Code("L110", "kl_div without the logarithm", "error", "fast", "B"),
    Code("L111", "the loss has an impossible sign", "error", "fast", "B"),
    Code("L112", "loss and target do not fit", "error", "fast", "B"),
    Code("L113", "the loss cannot be computed", "error", "fast", "B"),
    Code("L114", "a sample's weight comes from the mean of the batch", "error", "fast", "R"),
    Code("L115", "class weights favour the frequent classes", "error", "fast", "BR"),
    Code("L116", "an overlap of values that are no probabilities", "error", "fast", "R"),
    Code("L117", "the noise and the divergence mean different spreads", "error", "fast", "R"),
    Code("L118", "a score is minimised", "error", "fast", "R"),
    Code("L119", "the divergence is summed and the error is averaged", "warning", "fast", "R"),
    Code("L120", "samples are weighed after the mean over them", "error", "fast", "R"),
    Code("L121", "the answers cannot reach the targets", "error", "fast", "R"),
    Code("L122", "noise levels of the step before are at the wrong side", "error", "fast", "R"),
    Code("L123", "a minimum over what was set to zero", "error", "fast", "R"),
    Code("L124", "one term of the loss stands twice", "warning", "fast", "R"),
    # optimizer
    Code("O101", "parameters in no optimizer", "error", "fast", "S"),
    Code("O102", "the optimizer holds foreign parameters", "error", "fast", "S"),
    Code("O103", "learning rate too high", "error", "full", "B"),
    Code("O104", "learning rate too low", "error", "full", "B"),
    Code("O105", "a parameter has two optimizers", "warning", "fast", "S"),
    Code("O106", "weight decay swamps the gradient", "warning", "full", "B"),
    Code("O107", "updates stop", "error", "full", "R"),
    Code("O108", "epoch schedule stepped per batch", "error", "fast", "R"),
    Code("O109", "schedule never stepped, or before the optimizer", "warning", "fast", "R"),
    Code("O110", "planned steps differ from real steps", "error", "fast", "R"),
    Code("O111", "ReduceLROnPlateau looks in the wrong direction", "error", "fast", "R"),
    Code("O112", "parameter groups keep another optimizer's settings", "error", "fast", "S"),
    Code("O113", "the optimizer is made anew for every step", "warning", "fast", "R"),
    # the running loop
    Code("R101", "gradients are not cleared", "error", "fast", "R"),
    Code("R102", "step without gradients", "error", "fast", "R"),
    Code("R103", "eval() is missing", "error", "fast", "R"),
    Code("R104", "train() is missing", "error", "fast", "R"),
    Code("R105", "trains on validation data", "error", "fast", "R"),
    Code("R106", "clipped after the step", "error", "fast", "R"),
    Code("R107", "the loss is replaced before backward", "error", "fast", "R"),
    Code("R108", "gradients are cleared between accumulated batches", "error", "fast", "R"),
    Code("R109", "random numbers begin anew in every round", "warning", "fast", "R"),
    Code("R110", "the loss is given as its own gradient", "error", "fast", "R"),
    # reinforcement learning
    Code("Q101", "a value is added after the end of an episode", "warning", "fast", "R"),
    Code("Q102", "the target network never follows", "warning", "fast", "R"),
    Code("Q103", "returns are not sums of what comes after", "warning", "fast", "R"),
    Code("Q104", "gradients pass through the target of a value", "warning", "fast", "R"),
    Code("Q105", "the advantage has a graph", "warning", "fast", "R"),
    Code("Q106", "the policy is moved away from what was rewarded", "warning", "fast", "R"),
    Code("Q107", "the target holds the number of an action", "error", "fast", "R"),
    # precision, several processes
    Code("P101", "updates are rounded away", "error", "full", "BR"),
    Code("P102", "Adam's eps vanishes in fp16", "error", "fast", "S"),
    Code("P103", "not finite", "error", "fast", "BR"),
    Code("P104", "gradient scaler misused", "error", "fast", "R"),
    Code("P105", "a GPU lies idle, or parts lie on different devices", "warning", "fast", "S"),
    Code("G101", "replicas differ", "error", "fast", "R"),
    Code("G102", "DDP is bypassed", "error", "fast", "R"),
    Code("G103", "processes share the same data", "error", "fast", "R"),
    Code("G104", "metric is not reduced over processes", "error", "fast", "E"),
    # evaluation, artifacts, environment, source
    Code("E101", "wrong metric", "error", "fast", "E"),
    Code("E102", "drop_last at evaluation", "error", "fast", "S"),
    Code("E103", "evaluates on train", "error", "fast", "E"),
    Code("E104", "mean of batch metrics", "error", "fast", "E"),
    Code("E105", "answers do not depend on the input", "warning", "full", "B"),
    Code("E106", "too good too early", "warning", "fast", "E"),
    Code("E107", "the worst state is kept as the best", "error", "fast", "R"),
    Code("E108", "the best figure is never remembered", "error", "fast", "R"),
    Code("E109", "what is evaluated never changes", "warning", "fast", "R"),
    Code("E110", "answers are joined to names in another order", "error", "fast", "E"),
    Code("A101", "best state is an alias of the live model", "error", "fast", "A"),
    Code("A102", "a reloaded model answers differently", "warning", "fast", "A"),
    Code("A103", "saved weights are incomplete", "error", "fast", "A"),
    Code("A104", "preprocessing or classes are not saved", "warning", "fast", "A"),
    Code("A105", "resuming gives another training", "warning", "fast", "A"),
    Code("V101", "warnings are silenced", "warning", "fast", "R"),
    Code("V102", "versions known as bad", "warning", "fast", "S"),
    Code("V103", "the data changed since the last run", "warning", "fast", "S"),
    Code("X101", "suspicious source pattern", "warning", "fast", "T"),
)

CATALOGUE: dict[str, Code] = {row.code: row for row in _ROWS}


def found(code: str, where: str, message: str, fix: str, *, level: Level | None = None) -> Finding:
    """A finding of a code in the catalogue, at the catalogue's level unless told otherwise.

    Args:
        code: a code of the catalogue.
        where: layer, parameter, data set or call that it is about.
        message: what was seen, with figures.
        fix: what to change, one sentence.
        level: when this case is less grave than the catalogue's level.

    Raises:
        KeyError: the code is not in the catalogue.
    """
    return Finding(code, level or CATALOGUE[code].level, where, message, fix)


def allowed_codes(allow: Mapping[str, str] | Iterable[str] | str | None) -> dict[str, str]:
    """What was declared as wanted, as code → reason.

    Args:
        allow: a code, several in one text with commas, a list of them, or code → reason; small
            letters are allowed.

    Raises:
        UnknownName: there is no such code: a slip of the pen would allow nothing, unseen.
    """
    given = {allow: ""} if isinstance(allow, str) else allow or {}
    reasons = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given, "")
    allowed = {}
    for codes, reason in reasons.items():
        for code in filter(None, map(str.strip, codes.split(","))):
            if code.upper() not in CATALOGUE:
                family = code[:1].upper()
                raise UnknownName(
                    "finding code",
                    code,
                    CATALOGUE,
                    where="allow",
                    fix=f"lamp explain {family if family in FAMILIES else 'R'} lists the codes of a family",
                )
            allowed[code.upper()] = reason
    return allowed
