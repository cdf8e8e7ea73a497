"""Runs scripts of the gallery under four other tools and prints what each tells, as JSON lines.

    python peer_tools.py SECONDS SCRIPT...

None of these tools runs a script by itself: each wants a network, a batch, a loss and an optimizer
from the person. A recorder takes them from the running script, as somebody would who writes the few
lines that each tool's documentation asks for:

- *torchtest2*: `check_model(model, inputs, targets, loss_fn=, optimizer=)`;
- *tinytorchtest*: `TinyTorchTest(…).test(test_vars_change=, test_nan_vals=, test_inf_vals=)`;
- *torch-audit*: `Auditor(model, optimizer)`, `audit_static()` before the first step, then `audit_data`
  and the dynamic audit around every step;
- *torcheck*: `register(optimizer)`, `add_module(changing=True, check_nan=True, check_inf=True)` over
  the whole network, so that it looks after each step.

The first two get copies from just before the first step. What the script computes between the
network's answer and `backward()` is recorded as torch calls and played again on new answers: that is
the `loss_fn`, with the targets of that batch.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import json
import os
import re
import runpy
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

STEPS = 20  # steps that the tools around the loop look at


class Tape(TorchFunctionMode):
    """The torch calls between an answer and `backward()`."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, result))
        return result

    def loss(self, root: Tensor) -> Callable[..., Any]:
        """A function from an answer to the loss, with everything else as it was."""
        calls, answer = list(self.calls), self.answer

        def play(output: Any, *_targets: Any) -> Any:
            known: dict[int, Any] = {}
            _pair(answer, output, known)

            def new(thing: Any) -> Any:
                return known.get(id(thing), thing) if isinstance(thing, Tensor) else thing

            for func, args, kwargs, result in calls:
                if getattr(func, "__name__", "") in ("backward", "item", "tolist", "numpy"):
                    continue
                _pair(result, func(*tree_map(new, args), **tree_map(new, kwargs)), known)
            return new(root)

        return play


def _pair(old: Any, new: Any, known: dict[int, Any]) -> None:
    if isinstance(old, Tensor) and isinstance(new, Tensor):
        known[id(old)] = new
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple):
        for one, other in zip(old, new, strict=False):
            _pair(one, other, known)
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() & new.keys():
            _pair(old[key], new[key], known)


class Recorder:
    """Follows the script to its first step, lets the tools look, and then looks on."""

    def __init__(self) -> None:
        self.told: dict[str, set[str]] = {name: set() for name in TOOLS}
        self.failed: dict[str, str] = {}
        self.depth = self.steps = 0
        self.call: tuple[nn.Module, Any, Any] | None = None
        self.tape: Tape | None = None  # running
        self.kept: Tape | None = None  # of the newest answer
        self.root: Tensor | None = None
        self.busy = self.looked = False
        self.auditor: Any = None
        self.optimizer: Any = None
        self.registry: Any = None

    # what the script does

    def open(self) -> None:
        """Wraps the call of a network and backward(), and hears of steps."""
        call, backward, recorder = nn.Module.__call__, torch.autograd.backward, self

        def called(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            outer = recorder.depth == 0 and not recorder.busy and torch.is_grad_enabled()
            if not outer or not any(p.requires_grad for p in module.parameters()):
                return call(module, *args, **kwargs)
            return recorder.enter(call, module, args, kwargs)

        def sent_back(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            if not recorder.busy:
                recorder.root = tensors if isinstance(tensors, Tensor) else tensors[0]
                recorder.stop_tape()
            return backward(tensors, *args, **kwargs)

        nn.Module.__call__ = called  # type: ignore[method-assign]
        torch.autograd.backward = sent_back
        register_optimizer_step_pre_hook(lambda o, *_: self.before(o))
        register_optimizer_step_post_hook(lambda o, *_: self.after(o))

    def enter(self, call: Any, module: nn.Module, args: Any, kwargs: Any) -> Any:
        self.stop_tape()
        if self.auditor is not None and module is self.auditor.model and self.steps < STEPS:
            self.with_tool("torch-audit", lambda: self.audit(args))
        self.depth += 1
        try:
            answer = call(module, *args, **kwargs)
        finally:
            self.depth -= 1
        if not self.looked:
            self.call = (module, args, kwargs)
            self.tape = Tape(answer)
            self.tape.__enter__()
        return answer

    def stop_tape(self) -> None:
        if self.tape is not None:
            with contextlib.suppress(Exception):
                self.tape.__exit__(None, None, None)
            self.kept, self.tape = self.tape, None

    def before(self, optimizer: Any) -> None:
        if self.busy or self.looked or self.call is None:
            return
        self.stop_tape()
        module = self.call[0]
        mine = {id(p) for g in optimizer.param_groups for p in g["params"]}
        if not any(id(p) in mine for p in module.parameters()) and self.steps < 3:
            return  # another network's optimizer may follow
        self.looked, self.optimizer = True, optimizer
        state = torch.get_rng_state()
        grads = [(p, None if p.grad is None else p.grad.clone()) for p in module.parameters()]
        self.with_copies(optimizer)
        for parameter, grad in grads:
            parameter.grad = grad
        torch.set_rng_state(state)
        self.with_tool("torch-audit", lambda: self.start_audit(module, optimizer))
        self.with_tool("torcheck", lambda: self.start_torcheck(module, optimizer))

    def after(self, optimizer: Any) -> None:
        if self.busy:
            return
        self.steps += 1
        if optimizer is not self.optimizer or self.steps > STEPS:
            return
        if self.auditor is not None:
            self.with_tool("torch-audit", self.end_audit)
        if self.registry is not None and optimizer in self.registry.optimizer_to_spec:
            try:
                self.registry.optimizer_to_spec[optimizer].validate()
            except RuntimeError as error:
                lines = str(error).splitlines()[1:] or [str(error)]
                self.told["torcheck"].update("error " + _plain(line) for line in lines)

    # what the tools say

    def with_tool(self, name: str, work: Callable[[], Any]) -> None:
        """Runs a tool out of the script's sight; a tool that breaks is noted and says no more."""
        if name in self.failed:
            return
        self.busy = True
        try:
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                work()
        except Exception as error:
            self.failed[name] = f"{type(error).__name__}: {error}"[:200]
        finally:
            self.busy = False

    def with_copies(self, optimizer: Any) -> None:
        assert self.call is not None
        module, args, kwargs = self.call
        tape, root = self.kept, self.root
        loss = tape.loss(root) if tape is not None and root is not None else None

        def copies() -> tuple[nn.Module, Any]:
            memo: dict[int, Any] = {}
            return copy.deepcopy(module, memo), copy.deepcopy(optimizer, memo)

        def torchtest2() -> None:
            import torchtest2 as tool

            model, stepper = copies()
            inputs: Any = args[0] if len(args) == 1 else args if args else kwargs
            report = tool.check_model(model, inputs, loss_fn=loss, optimizer=stepper)
            for result in [*report.failures, *report.warnings]:
                self.told["torchtest2"].add(f"{_level(result.status.value)} {result.name}")

        def tinytorchtest() -> None:
            from tinytorchtest import tinytorchtest as tool

            model, stepper = copies()
            batch = [list(args), [torch.zeros(1)]]
            tester = tool.TinyTorchTest(model, loss, stepper, batch)
            for name in ("test_vars_change", "test_nan_vals", "test_inf_vals"):
                try:
                    tester.test(**{name: True})
                except (tool.VariablesChangeException, tool.NaNTensorException) as error:
                    self.told["tinytorchtest"].add(f"error {type(error).__name__} {_plain(error)}")
                except tool.InfTensorException as error:
                    self.told["tinytorchtest"].add(f"error {type(error).__name__}")

        self.with_tool("torchtest2", torchtest2)
        self.with_tool("tinytorchtest", tinytorchtest)

    def start_audit(self, module: nn.Module, optimizer: Any) -> None:
        from torch_audit import Auditor

        self.auditor = Auditor(module, optimizer)
        self.auditor.show_report = self.take_issues
        self.auditor._print_report_fragment = lambda _: None
        self.auditor.audit_static()

    def take_issues(self) -> None:
        for issue in self.auditor.issues:
            level = "error" if issue.get("severity") == "ERROR" else "warning"
            text = f"{level} {issue['type']} {issue['layer']} {_plain(issue['message'])}"
            self.told["torch-audit"].add(text)
        self.auditor.issues = []

    def audit(self, batch: Any) -> None:
        self.auditor.audit_data(batch[0] if len(batch) == 1 else batch)
        if not self.auditor._is_active_step:
            self.auditor.start_dynamic_audit()

    def end_audit(self) -> None:
        self.auditor.stop_dynamic_audit()

    def start_torcheck(self, module: nn.Module, optimizer: Any) -> None:
        from torcheck.param_spec import ParamSpec
        from torcheck.registry import Registry

        # register() wraps optimizer.step; the recorder is already called after each step.
        registry = Registry()
        registry.optimizer_to_spec[optimizer] = ParamSpec()
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                registry.tensor_to_optimizer[parameter] = optimizer
        try:
            for name, parameter in module.named_parameters():
                if parameter.requires_grad:
                    registry.add_tensor(
                        parameter, name, changing=True, check_nan=True, check_inf=True
                    )
        except RuntimeError as error:
            self.told["torcheck"].add(f"error {_plain(error)}")
        self.registry = registry


TOOLS = ("torchtest2", "torch-audit", "torcheck", "tinytorchtest")
MODULES = (
    "torchtest2",
    "torch_audit",
    "torcheck",
    "tinytorchtest.tinytorchtest",
    "sklearn.datasets",
    "torchvision",
)


def _plain(text: Any) -> str:
    """A message without its figures, which differ from run to run."""
    return re.sub(r"-?\d+(\.\d+)?(e-?\d+)?", "#", str(text).split("\n")[0])[:160]


def _level(status: str) -> str:
    return "error" if status.lower().startswith("fail") else "warning"


def look(script: str) -> dict[str, Any]:
    """Runs a script to its end; what the tools told on the way."""
    recorder, end = Recorder(), "finished"
    recorder.open()
    sys.argv = [script]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit:
            pass
        except BaseException as error:
            end = f"{type(error).__name__}: {error}"[:200]
    return {
        "script": script,
        "told": {name: sorted(texts) for name, texts in recorder.told.items()},
        "broke": recorder.failed,
        "end": end,
        "looked": recorder.looked,
        "steps": recorder.steps,
    }


def main() -> None:
    """Each script in a process of its own, forked so that torch is imported once; a line for each."""
    torch.set_num_threads(1)
    limit, *scripts = sys.argv[1:]
    for name in MODULES:
        importlib.import_module(name)
    for script in scripts:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            signal.alarm(int(limit))
            print(json.dumps(look(script)), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
