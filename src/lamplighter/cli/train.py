"""`lamp train DATA`."""

from __future__ import annotations

from typing import Any

import click

from lamplighter.cli.options import output_options
from lamplighter.recipe import FIELDS
from lamplighter.run import Run


def _setting_options(command: Any) -> Any:
    """One flag for each setting of the recipe, in its order."""
    for name, field in reversed(list(FIELDS.items())):
        if name == "data":
            continue
        flag = "--" + name.replace("_", "-")
        help_ = field.metadata["help"]
        if isinstance(field.default, bool):
            declared = f"{flag}/--no-{flag[2:]}"
            option = click.option(declared, name, default=None, help=help_)
        elif field.default == ():
            option = click.option(flag, name, multiple=True, help=help_, metavar="CODE")
        else:
            shown = f" [default: {field.default}]" if field.default not in (None, "") else ""
            option = click.option(flag, name, help=help_ + shown, metavar=_metavar(field))
        command = option(command)
    return command


def _metavar(field: Any) -> str:
    expects = field.metadata["expects"]
    first = expects.split(",")[0].split()
    if expects.startswith("a whole number"):
        return "N"
    if expects.startswith("a number"):
        return "X"
    return "|".join(_words(expects)) if len(first) == 1 else "TEXT"


def _words(expects: str) -> list[str]:
    return expects.replace(" or ", ", ").split(", ")


@click.command(epilog="Example: lamp train photos/ --model resnet18 --epochs 10")
@click.argument("data", required=False)
@click.option(
    "--recipe",
    metavar="NAME|FILE",
    help="Settings by a name (speed) or from a TOML file; flags win.",
)
@click.option(
    "--resume",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[RUN]",
    help="Go on with a run; without a name the newest unfinished one.",
)
@_setting_options
@output_options
def command(
    data: str | None,
    recipe: str | None,
    resume: str | None,
    as_json: bool,
    **settings: Any,
) -> int:
    """From data to a model: checks, split, training, best model, evaluation, report.

    DATA is a folder of class folders, a table (.csv, .tsv, .jsonl), the name of a data set (digits,
    cifar10, mnist, …), package.module:name, or several of these joined with " + ".
    """
    from lamplighter.look.ahead import looking_ahead

    given = {key: value for key, value in settings.items() if value not in (None, ())}
    given |= {"data": data} if data else {}
    wanted = resume is None and settings.get("checks") != "off"
    with looking_ahead(given if wanted else {}):
        from lamplighter.training.stopping import stop_at_once

        with stop_at_once():
            run = _train(given, recipe, resume)
    if as_json:
        from lamplighter.cli.screen import print_json

        print_json(run.as_json())
    else:
        from lamplighter.cli.told import print_run

        print_run(run)
    return 0


def _train(given: dict[str, Any], name_or_file: str | None, resume: str | None) -> Run:
    from lamplighter import stages
    from lamplighter.asked import ask
    from lamplighter.cli.screen import Screen
    from lamplighter.recipe import make_recipe

    screen = Screen()
    try:
        if resume is not None:
            make_recipe(given)  # faults are told before anything is looked up
            folder, recipe = stages.resumed(resume or None, given, screen)
            return stages.train(recipe, screen, resume=folder)
        recipe = ask(name_or_file, given)
        unfinished = stages.own_unfinished(recipe)
        if unfinished is None:
            return stages.train(recipe, screen)
        screen.say(
            f"{unfinished} is a run of this same command that did not come to its end: going on with "
            "it (a new --name begins a new one)"
        )
        folder, recipe = stages.resumed(
            str(unfinished), {"data": recipe.data, "model": recipe.model}, screen
        )
        return stages.train(recipe, screen, resume=folder)
    finally:
        screen.close()
