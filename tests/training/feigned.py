"""A GPU that is not there: torch's fake tensors, with the rules of waiting and of streams kept.

Fake tensors know their device and refuse operands of two devices. What is added is what a program
that is right by shape and device can still get wrong on a GPU: to wait for it, to copy from memory
that is not page-locked, and to read on one stream what another has not written yet.
"""

from __future__ import annotations

import traceback
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lamplighter.data import copy_stream
from lamplighter.images import preprocess

aten = torch.ops.aten
COPIES = (aten._to_copy, aten.copy_)
INDEXED = (aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_)


class Stream:
    """Counts what is queued on it, and what of other streams is done before that."""

    def __init__(self) -> None:
        self.queued = 0
        self.after: dict[Stream, int] = {}

    def wait_stream(self, other: Stream) -> None:
        """What is queued from here on comes after all that the other has by now."""
        self.after[other] = other.queued


class Gpu(TorchDispatchMode):
    """Looks at every operation.

    Attributes:
        waits: operations for which the host waits until the device has done all that is queued,
            each with the line of ours that asked for it.
        pageable: copies to the device from memory that is not page-locked.
        crossed: bytes that were copied to the device.
        yes: what every question about values is answered with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.main = self.current = Stream()
        self.waits: list[str] = []
        self.pageable: list[str] = []
        self.crossed, self.yes = 0, True
        self.written: dict[int, tuple[Stream, int]] = {}  # by a side stream; keys are identities
        self.recorded: dict[int, Stream] = {}

    def forget(self) -> None:
        """What was noted so far is not looked at."""
        self.waits, self.pageable, self.crossed = [], [], 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        inferring = torch.is_inference_mode_enabled() or any(t.is_inference() for t in given)
        if inferring and func.namespace == "aten":  # there, operations come as they were called
            with self:
                made = func.decompose(*args, **kwargs)
            if made is not NotImplemented:
                return made
        self._check_order(func, given)
        packet = func.overloadpacket
        if packet is aten._local_scalar_dense:
            if given[0].device.type == "cuda":
                self._note(self.waits, func)
            # what lies in the host's own memory is read without waiting; some value will do
            return 0.5 if given[0].is_floating_point() else self.yes
        if packet is aten._pin_memory:
            made = aten.clone(args[0])
            made.page_locked = True
            return made
        if func._schema.name.startswith("aten::_fused_"):  # of which some have no fake kernel
            assert {t.device.type for t in given} == {"cuda"}, f"{func} on several devices"
            return None  # they work in place
        made = func(*args, **kwargs)
        if packet in COPIES:
            self._look_at_copy(func, args, kwargs, made)
        if packet in INDEXED and args[0].device.type == "cuda":
            indices = [t for t in args[1] if isinstance(t, Tensor)]
            if any(t.device.type == "cpu" for t in indices):
                self._note(self.waits, func)
        self._note_written(made)
        return made

    def _look_at_copy(self, func: Any, args: Any, kwargs: Any, made: Tensor) -> None:
        within = func.overloadpacket is aten.copy_
        source = args[1] if within else args[0]
        free = kwargs.get("non_blocking") or (within and len(args) > 2 and args[2])
        if source.device.type == made.device.type:
            return
        if not free:
            self._note(self.waits, func)
        if made.device.type == "cuda":
            self.crossed += source.nbytes
            if not getattr(source, "page_locked", False):
                self._note(self.pageable, func)

    def _note_written(self, made: Any) -> None:
        self.current.queued += 1
        if self.current is self.main:
            return
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and tensor.device.type == "cuda":
                self.written[id(tensor)] = (self.current, self.current.queued)
                weakref.finalize(tensor, self._gone, id(tensor))

    def _gone(self, key: int) -> None:
        self.written.pop(key, None)
        self.recorded.pop(key, None)

    def _check_order(self, func: Any, given: list[Tensor]) -> None:
        for tensor in given:
            stream, number = self.written.get(id(tensor), (self.current, 0))
            if stream is not self.current:
                done = self.current.after.get(stream, 0) >= number
                assert done, f"{func} reads what may still be on its way"
                kept = self.recorded.get(id(tensor)) is self.current
                assert kept, f"{func} reads memory that its own stream may give away meanwhile"

    def _note(self, notes: list[str], func: Any) -> None:
        ours = [f for f in traceback.extract_stack() if "/lamplighter/" in f.filename]
        places = [f"{f.filename.rpartition('/lamplighter/')[2]}:{f.lineno}" for f in ours]
        notes.append(f"{func} in {' < '.join(reversed(places[-3:]))}")

    @contextmanager
    def on(self, stream: Stream) -> Iterator[None]:
        """As `torch.cuda.stream`."""
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before


@contextmanager
def feigned(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gpu]:
    """Within it `cuda` is a device, and tensors have no values."""
    gpu = Gpu()
    with monkeypatch.context() as patch:
        patch.setattr(torch.cuda, "Stream", lambda device: Stream())
        patch.setattr(torch.cuda, "stream", gpu.on)
        patch.setattr(torch.cuda, "current_stream", lambda device: gpu.current)
        patch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
        patch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
        patch.setattr(
            torch.Tensor, "record_stream", lambda t, stream: gpu.recorded.update({id(t): stream})
        )
        patch.setattr(copy_stream, "PLAIN", (Tensor, FakeTensor))
        patch.setattr(torch.Tensor, "backward", backward)
        preprocess._scale_and_shift.cache_clear()  # it keeps tensors for each device
        with FakeTensorMode(allow_non_fake_inputs=True), gpu:
            yield gpu
        preprocess._scale_and_shift.cache_clear()


def backward(loss: Tensor) -> None:
    """What torch's engine does, node by node: the engine itself asks for the driver first."""
    awaited: dict[Any, int] = {}
    unseen = [loss.grad_fn]
    while unseen:
        for node, _ in unseen.pop().next_functions:  # type: ignore[union-attr]
            if node is not None:
                unseen += [] if node in awaited else [node]
                awaited[node] = awaited.get(node, 0) + 1
    ready: list[tuple[Any, list[Any]]] = [(loss.grad_fn, [torch.ones_like(loss)])]
    gathered: dict[Any, list[Any]] = {}
    while ready:
        node, given = ready.pop()
        if hasattr(node, "variable"):
            leaf = node.variable
            leaf.grad = given[0] if leaf.grad is None else leaf.grad + given[0]
            continue
        with torch.no_grad():
            found = node(*given)
        found = found if isinstance(found, tuple) else (found,)
        for (following, number), gradient in zip(node.next_functions, found, strict=True):
            if following is None:
                continue
            facts = following._input_metadata
            slots = gathered.setdefault(following, [None] * len(facts))
            if gradient is not None:
                # as the engine does for what was spread out by broadcasting or cast
                shaped = gradient.sum_to_size(facts[number].shape).to(facts[number].dtype)
                slots[number] = shaped if slots[number] is None else slots[number] + shaped
            awaited[following] -= 1
            if not awaited[following]:
                ready.append((following, gathered.pop(following)))
